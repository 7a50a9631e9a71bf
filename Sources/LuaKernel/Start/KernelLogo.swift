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
}
