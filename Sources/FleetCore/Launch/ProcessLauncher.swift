// How a kernel is started; a local process here, other ways elsewhere.

/// Starts kernels.
public protocol ProcessLauncher: Sendable {
  /// Starts a kernel and answers once its program runs, its limits hold and its files are written. On failure nothing
  /// of it is left.
  func launch(_ request: LaunchRequest) async throws(LaunchError) -> LaunchedProcess
}
