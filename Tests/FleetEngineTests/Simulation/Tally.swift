// What a simulation tried, for its last line.

struct Tally: CustomStringConvertible {
  var worlds = 0
  var events = 0
  var hostsKilled = 0
  var powerLosses = 0
  var pauses = 0
  var processes = 0
  var commitsLost = 0
  var requests = 0
  var decisions = 0
  var claims = 0
  var retired = 0

  static func += (sum: inout Tally, other: Tally) {
    sum.worlds += other.worlds
    sum.events += other.events
    sum.hostsKilled += other.hostsKilled
    sum.powerLosses += other.powerLosses
    sum.pauses += other.pauses
    sum.processes += other.processes
    sum.commitsLost += other.commitsLost
    sum.requests += other.requests
    sum.decisions += other.decisions
    sum.claims += other.claims
    sum.retired += other.retired
  }

  var description: String {
    "\(worlds) worlds, \(events) events, \(requests) requests, \(processes) processes, \(hostsKilled) hosts killed, "
      + "\(powerLosses) power losses, \(pauses) pauses, \(commitsLost) commits lost, \(decisions) decisions, \(claims) warm kernels taken, "
      + "\(retired) retired"
  }
}
