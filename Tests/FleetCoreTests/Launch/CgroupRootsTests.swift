// Where control groups may be made, from what machines of several kinds say about themselves.

import Testing

@testable import FleetCore

@Suite struct CgroupRootsTests {
  @Test func unified() {
    let roots = CgroupRoots.found(
      mounts: "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
      groups: "0::/system.slice/fleet.service\n")
    #expect(roots == CgroupRoots(unified: "/sys/fs/cgroup/system.slice/fleet.service"))
  }

  @Test func hybrid() {
    let roots = CgroupRoots.found(
      mounts: """
        20 19 0:21 / /proc rw - proc proc rw
        33 32 0:29 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
        36 32 0:32 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:12 - cgroup cgroup rw,cpu,cpuacct
        37 32 0:33 / /sys/fs/cgroup/memory rw,nosuid shared:13 - cgroup cgroup rw,memory
        38 32 0:34 / /sys/fs/cgroup/pids rw,nosuid - cgroup cgroup rw,pids
        39 32 0:35 / /sys/fs/cgroup/freezer rw,nosuid - cgroup cgroup rw,freezer
        """,
      groups: "5:pids:/a\n4:cpu,cpuacct:/\n3:memory:/a/b\n2:freezer:/\n1:name=systemd:/a\n0::/a\n")
    #expect(roots.unified == "/sys/fs/cgroup/unified/a")
    #expect(roots.memory == "/sys/fs/cgroup/memory/a/b")
    #expect(roots.cpu == "/sys/fs/cgroup/cpu,cpuacct")
    #expect(roots.pids == "/sys/fs/cgroup/pids/a")
    #expect(roots.freezer == "/sys/fs/cgroup/freezer")
  }

  @Test func aContainerThatSeesOnlyItsOwnPart() {
    let mounts = "40 39 0:33 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    #expect(CgroupRoots.found(mounts: mounts, groups: "3:memory:/docker/abc\n").memory == "/sys/fs/cgroup/memory")
    #expect(CgroupRoots.found(mounts: mounts, groups: "3:memory:/docker/abc/x\n").memory == "/sys/fs/cgroup/memory/x")
    #expect(CgroupRoots.found(mounts: mounts, groups: "3:memory:/docker/other\n").memory == nil)
    #expect(CgroupRoots.found(mounts: mounts, groups: "3:memory:/../other\n").memory == nil)
  }

  @Test func namesWithSpacesAndNoControlGroupsAtAll() {
    let mounts = "40 39 0:33 / /mnt/control\\040groups rw - cgroup2 none rw\n"
    #expect(CgroupRoots.found(mounts: mounts, groups: "0::/\n").unified == "/mnt/control groups")
    #expect(CgroupRoots.found(mounts: "", groups: "") == CgroupRoots())
  }

  @Test func theSeatOfTheHostIsBesideItsKernels() {
    #expect(UnifiedGroup(own: "/sys/fs/cgroup/a/fleet-host").root == "/sys/fs/cgroup/a")
    #expect(UnifiedGroup(own: "/sys/fs/cgroup/a").root == "/sys/fs/cgroup/a")
  }
}
