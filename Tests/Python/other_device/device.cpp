// A device that is not the CPU, for tests: PyTorch's PrivateUse1, with memory that no code of the host can touch.
//
// A tensor's address is one of an inaccessible mapping; its bytes are in a file in memory, which only the copy below
// reads and writes. So whoever takes such a tensor's memory for the host's crashes at once.

#include <sys/mman.h>
#include <unistd.h>

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/InferSize.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

namespace {

constexpr auto kType = c10::DeviceType::PrivateUse1;
constexpr int kDevices = 2;
thread_local c10::DeviceIndex current_device = 0;

// Which bytes of which file an address stands for.
struct Memory {
  int file;
  size_t size;
};
std::mutex memories_lock;
std::map<char*, Memory> memories;

// What the copies to the host have been: how many, the largest in bytes, the most at one time.
std::atomic<int64_t> copies{0}, largest{0}, running{0}, most_at_once{0};

void raise(std::atomic<int64_t>& value, int64_t to) {
  int64_t seen = value.load();
  while (seen < to && !value.compare_exchange_weak(seen, to)) {
  }
}

void release(void* address) {
  Memory memory;
  {
    std::lock_guard<std::mutex> guard(memories_lock);
    auto found = memories.find(static_cast<char*>(address));
    if (found == memories.end()) return;
    memory = found->second;
    memories.erase(found);
  }
  munmap(address, memory.size);
  close(memory.file);
}

struct DeviceAllocator final : c10::Allocator {
  c10::DataPtr allocate(size_t size) override {
    c10::Device device(kType, current_device);
    if (size == 0) return {nullptr, nullptr, &release, device};
    int file = memfd_create("device memory", MFD_CLOEXEC);
    TORCH_CHECK(file >= 0 && ftruncate(file, static_cast<off_t>(size)) == 0, "no device memory");
    void* address = mmap(nullptr, size, PROT_NONE, MAP_SHARED, file, 0);
    TORCH_CHECK(address != MAP_FAILED, "no addresses for device memory");
    std::lock_guard<std::mutex> guard(memories_lock);
    memories[static_cast<char*>(address)] = {file, size};
    return {address, address, &release, device};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void*, const void*, size_t) const override { TORCH_CHECK(false, "not on this device"); }
};
DeviceAllocator allocator;
REGISTER_ALLOCATOR(kType, &allocator);

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kType; }
  c10::Device exchangeDevice(c10::Device device) const override {
    c10::Device old(kType, current_device);
    current_device = device.index();
    return old;
  }
  c10::Device getDevice() const override { return c10::Device(kType, current_device); }
  void setDevice(c10::Device device) const override { current_device = device.index(); }
  void uncheckedSetDevice(c10::Device device) const noexcept override { current_device = device.index(); }
  c10::Stream getStream(c10::Device device) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, device);
  }
  c10::Stream exchangeStream(c10::Stream stream) const noexcept override { return stream; }
  c10::DeviceIndex deviceCount() const noexcept override { return kDevices; }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

// Not every one of these is virtual in every version.
struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const { return true; }
  bool isAvailable() const { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const { return true; }
  c10::DeviceIndex deviceCount() const { return kDevices; }
  c10::DeviceIndex getCurrentDevice() const { return current_device; }
};

at::Tensor empty_strided(
    at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
    std::optional<at::Device> device, std::optional<bool>) {
  c10::DeviceIndex old = current_device;
  if (device && device->has_index()) current_device = device->index();
  auto made = at::detail::empty_strided_generic(
      size, stride, &allocator, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), at::dtype_or_default(dtype));
  current_device = old;
  return made;
}

at::Tensor empty(
    at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout> layout,
    std::optional<at::Device> device, std::optional<bool> pin, std::optional<at::MemoryFormat>) {
  std::vector<int64_t> stride(size.size());
  int64_t step = 1;
  for (size_t i = size.size(); i-- > 0; step *= std::max<int64_t>(size[i], 1)) stride[i] = step;
  return empty_strided(size, stride, dtype, layout, device, pin);
}

// One contiguous piece between the device and the host.
void transfer(char* device, char* host, size_t count, bool to_host) {
  std::unique_lock<std::mutex> guard(memories_lock);
  auto found = memories.upper_bound(device);
  TORCH_CHECK(found != memories.begin(), "no memory of this device");
  --found;
  size_t offset = static_cast<size_t>(device - found->first);
  TORCH_CHECK(offset + count <= found->second.size, "beyond the device's memory");
  int file = found->second.file;
  guard.unlock();
  for (size_t done = 0; done < count;) {
    ssize_t step = to_host ? pread(file, host + done, count - done, static_cast<off_t>(offset + done))
                           : pwrite(file, host + done, count - done, static_cast<off_t>(offset + done));
    TORCH_CHECK(step > 0, "the copy failed");
    done += static_cast<size_t>(step);
  }
}

at::Tensor on_host(const at::Tensor& tensor) {
  // All of the storage, so that any strides will do.
  auto whole = at::empty({static_cast<int64_t>(tensor.storage().nbytes())}, at::kByte);
  transfer(
      static_cast<char*>(tensor.storage().mutable_data()), static_cast<char*>(whole.data_ptr()),
      tensor.storage().nbytes(), true);
  auto typed = at::empty({0}, tensor.options().device(at::kCPU));
  return typed.set_(whole.storage(), tensor.storage_offset(), tensor.sizes(), tensor.strides());
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  if (to.numel() == 0) return to;
  bool is_plain = from.is_contiguous() && to.is_contiguous() && from.scalar_type() == to.scalar_type();
  if (to.is_cpu() && is_plain) {
    auto size = static_cast<int64_t>(to.nbytes());
    copies += 1;
    raise(largest, size);
    raise(most_at_once, ++running);
    // A slow bus: copies that can overlap, do.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    transfer(static_cast<char*>(from.data_ptr()), static_cast<char*>(to.data_ptr()), to.nbytes(), true);
    --running;
  } else if (to.is_cpu()) {
    to.copy_(on_host(from));
  } else {
    auto source = (from.is_cpu() ? from : on_host(from)).to(to.scalar_type()).contiguous();
    TORCH_CHECK(to.is_contiguous(), "this device fills contiguous tensors only");
    transfer(static_cast<char*>(to.data_ptr()), static_cast<char*>(source.data_ptr()), source.nbytes(), false);
  }
  return to;
}

at::Tensor strided_view(
    const at::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride, std::optional<int64_t> offset) {
  auto view = at::detail::make_tensor<c10::TensorImpl>(
      c10::TensorImpl::VIEW, c10::Storage(self.storage()), self.key_set(), self.dtype());
  view.unsafeGetTensorImpl()->set_storage_offset(offset.value_or(self.storage_offset()));
  view.unsafeGetTensorImpl()->set_sizes_and_strides(size, stride);
  return view;
}

at::Tensor view(const at::Tensor& self, at::IntArrayRef size) {
  auto shape = at::infer_size(size, self.numel());
  std::vector<int64_t> stride(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0; step *= std::max<int64_t>(shape[i], 1)) stride[i] = step;
  TORCH_CHECK(self.is_contiguous(), "this device views contiguous tensors only");
  return strided_view(self, shape, stride, self.storage_offset());
}

at::Tensor& set_storage(
    at::Tensor& self, at::Storage source, int64_t offset, at::IntArrayRef size, at::IntArrayRef stride) {
  auto* implementation = self.unsafeGetTensorImpl();
  implementation->set_storage_keep_dtype(source);
  implementation->set_storage_offset(offset);
  std::vector<int64_t> steps(stride.begin(), stride.end());
  if (steps.size() != size.size()) {
    steps.resize(size.size());
    int64_t step = 1;
    for (size_t i = size.size(); i-- > 0; step *= std::max<int64_t>(size[i], 1)) steps[i] = step;
  }
  implementation->set_sizes_and_strides(size, steps);
  return self;
}

at::Tensor& set_whole_storage(at::Tensor& self, at::Storage source) {
  int64_t count = static_cast<int64_t>(source.nbytes() / self.dtype().itemsize());
  return set_storage(self, source, 0, {count}, {1});
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", empty);
  m.impl("empty_strided", empty_strided);
  m.impl("_copy_from", copy_from);
  m.impl("as_strided", strided_view);
  m.impl("view", view);
  m.impl("set_.source_Storage_storage_offset", set_storage);
  m.impl("set_.source_Storage", set_whole_storage);
}

std::vector<int64_t> statistics() {
  return {copies.exchange(0), largest.exchange(0), most_at_once.exchange(0)};
}

TORCH_LIBRARY(other_device, m) { m.def("statistics", statistics); }

bool register_hooks() {
  at::RegisterPrivateUse1HooksInterface(new Hooks());
  return true;
}
const bool has_hooks = register_hooks();

}  // namespace
