// The files of the kernel's kernelspec directory, for servers that show them without installing it.

public enum KernelResources {
  /// By file name: `logo-32x32.png`, `logo-64x64.png`, `logo-svg.svg`.
  public static func files() -> [String: [UInt8]] {
    var files = ["logo-svg.svg": Array(KernelLogo.svg.utf8)]
    for logo in KernelLogo.pixels { files["logo-\(logo.size)x\(logo.size).png"] = KernelLogo.png(logo.base64) }
    return files
  }
}
