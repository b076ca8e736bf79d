@_exported import CairnCore
@_exported import CairnFormats
