// What launchers show for the kernel: three ships, one behind the other, under a moon.

enum KernelLogo {
  static let svg = """
    <svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64">
      <circle cx="32" cy="32" r="30" fill="#1b2a6b"/>
      <circle cx="45" cy="18" r="7" fill="#f4f1de"/>
      <g fill="#8fa8e8"><path d="M10 34h14l-3 6H13z"/><path d="M16 20v12h-7z"/><path d="M18 24v8h5z"/></g>
      <g fill="#c3d0f5"><path d="M20 40h18l-4 7H24z"/><path d="M28 22v16h-9z"/><path d="M30 27v11h7z"/></g>
      <g fill="#fff"><path d="M30 46h24l-5 8H35z"/><path d="M41 24v20H30z"/><path d="M43 30v14h9z"/></g>
    </svg>

    """

  /// The same as pixels, which is what most launchers look for: squares of 32 and 64, PNG in base64.
  static let pixels: [(size: Int, base64: String)] = [
    (
      32,
      """
      iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAMAAABEpIrGAAAAilBMVEUAAAAbKmsbKmsbKmsbKmsbKmsbKmsbKmsbKmsbKmsYMHhgeJCQkKgwSHjY
      2MD08d6oqMDw8NgwSJB4kNhIYJBIYKiPqOhISJCoqNhgYJAwMHiQqNhgeKjD0PWQkMBgeMCowPDY2PCQqPB4eKj////AwPCowNjw8PB4kKh4kMDA
      2PDAwNjw8P/Y2Ng+ZffuAAAALnRSTlMAAFWZzO7/EYiq////////////////////////////////////////////////Pn7ergAAAUhJREFUeNqN
      k+tygjAQhQ2XBUIRrTZt0VCVtIDU93+9bhKSEIqj+4dx9nPP2UtWq+eDBGEUA8RRGJCFdJJi0kScJvN8MEkrJPCrh/AvwokOyfwczV9yCpkjZv8v
      1mVZrgsIrf6s+KaUsQEYfSQzf7BVwBad6l5SuAdAqhyqAq9LEhAT44DuVGrvmQTtQrXwxuAdsQ9d4lO1qYaBQITf6sBgR+HIocJfeW3VIgSkhS/G
      gB2rEwfM0bMDYgSkQyaBS8058D00oh4FMDQwDvBbAj9FK+q6mwBSoscS7MQlwM8CgbZwEtGoceEKuAoJiMGZVG3KEr2ekgZEY9u0qzrIEiiggdYO
      iphdFVcEfg2gRNSo3bJ6WYL3k62k/rqrpmkGYWMw6/YOBqcwBpoIlk6uM0DnTs47WnrT+RvNyPNn//jhPPH0Hj/ee/EHfdMlNxjcu0YAAAAASUVO
      RK5CYII=
      """
    ),
    (
      64,
      """
      iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAMAAACdt4HsAAAAn1BMVEUAAAAbKmsbKmsbKmsbKmsbKmsbKmsbKmsbKmsbKmsbKmsbKmsbKmsbKmsw
      SHiQkKjY2MDw8NhgeJD08d4wSJAYMHh4kNhIYKiPqOhIYJAwMHiQqNioqNhgeMBISJBgeKjD0PVgYJCowPDY2Nh4eMB4eKj///+QqPDAwPDw8PCQ
      kMB4kMCoqMCowNjw8P/AwNjA2PDA2NjY2PCQqMB4kKh8/eIPAAAANXRSTlMAEUR3qszd/yK7Ve4Amf//////////////////////////////////
      /////////////////8kf0gUAAAKaSURBVHjazZdrd6IwEIblGrWKgo3l0i2prlFqRVf9/79tJdyGXACrZ8++3/Qwz8nMvEkmg8F/K003TMtGN9mW
      aejafdFDY4Q4jYxh73BdiC4Yer9wCylldSOGJmqV2ZHI+AV16GXcEj6Zoh6aTpSdG6FeGil6qtmop2ztJ/HObO6685mjIkw61u+5CybXY1mIdeio
      n7eoxAhToX8d63drgMuy4Lo57Oj/bAE0Y35oOqrDf2gOAfPckw3/dzXOhQA3/w/uC+snAOuOBchSgEsAFnjtW8TMDFUL6g/xsm8bM5WNMOoP33wQ
      FbQYickQMggjAMDvais3ctDqf375N8BH8SMmEPAJN1MpjevBq58BljhfzQoC8FpWGp0rwZIB/Jj9+E0gYENlAKNp48DPAdusl84uA5R1xIkUYDZs
      iKMC4GdJfJEMsAoLH1ApIDdjeRLFfgnw39AHYQCyz+uRyAE2A5Qt3NaAKHwvAIT15JtmAE8kQMDerwF+RErA4ZaOkzJAErYCoPChApANQkfKAPS7
      NyAmNWDnBLQA0E8pwG7mcNP2BAAk+lMBzlhWRAv4MNeKQMCZVgB6kbWxMtKeW0AOOKUAkH5IjGQgbgk7AgHFAnIAXWPRyvVmqqqwr7/JPAQA9Cpu
      Jg3xS/DBwfZFm4DEEbbzQLgVI1LpRDkAPQoHCjzSihPwVAESAUA3wpE2FIy0L+PPVAQkwqEq5hCWjUglgCqJUcvFEhOgWHHb6C1XW7GbmA5YMTS2
      Xq4BX8OGjvzlqrzeHSmBldHsN2BcZYCrOGAoRxy8FuPZfhj3HbKClI9PA9mQpR7zLjzgIh/zlINmyNUxO1rvG1W9JsBTxT8+bD8+7j/+4HjCk+fx
      R9cTnn1PeHg+4en7L/UXuaid889aJf8AAAAASUVORK5CYII=
      """
    ),
  ]

  static func png(_ base64: String) -> [UInt8] {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    let values = Dictionary(uniqueKeysWithValues: zip(digits, 0...))
    var (bits, count, out): (UInt32, Int, [UInt8]) = (0, 0, [])
    for byte in base64.utf8 {
      guard let value = values[byte] else { continue }  // the ends of lines, and of the text
      bits = bits << 6 | UInt32(value)
      count += 6
      guard count >= 8 else { continue }
      count -= 8
      out.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
    }
    return out
  }
}
