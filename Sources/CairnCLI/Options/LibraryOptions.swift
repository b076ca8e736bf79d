import ArgumentParser
import Cairn

extension JournalMode: ExpressibleByArgument {}
extension ExportFormat: ExpressibleByArgument {}
