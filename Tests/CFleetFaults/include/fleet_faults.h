// Preloaded into a host (LD_PRELOAD): counts what it does to the files of one directory, and at a chosen call kills it or
// makes the call fail. It also refuses to start processes and moves the wall clock, while it is told to.
//
// It is steered from outside through a file that both sides map: `struct faults`, of which every member is a 64-bit
// word. Without the variables below, in other programs than the named one, and in what these start, it does nothing.

#ifndef FLEET_FAULTS_H
#define FLEET_FAULTS_H

#include <stdatomic.h>
#include <stdint.h>

#define FAULTS_PAGE "FLEET_FAULTS_PAGE"            // the file that is mapped
#define FAULTS_DIRECTORY "FLEET_FAULTS_DIRECTORY"  // absolute; calls on paths below it count
#define FAULTS_PROGRAM "FLEET_FAULTS_PROGRAM"      // the last component of the executable's path

enum fault_mode {
  FAULT_NONE,
  FAULT_KILL,       // before the call
  FAULT_TEAR,       // when half of a write was done; other calls as above
  FAULT_FAIL_ONCE,  // the call fails
  FAULT_FAIL_ON,    // this call and all later ones fail, until the mode changes
};

// What is counted, as bits of `classes`.
enum fault_class { CLASS_OPEN = 1, CLASS_WRITE = 2, CLASS_SYNC = 4, CLASS_RENAME = 8, CLASS_REMOVE = 16, CLASS_SIZE = 32, CLASS_NAME = 64 };

struct faults {
  _Atomic(uint64_t) count;         // 0: calls of the chosen classes since it was set to zero
  _Atomic(uint64_t) trigger;       // 1: the call that is meant, from 1 on; 0 is none
  _Atomic(uint64_t) mode;          // 2: enum fault_mode
  _Atomic(uint64_t) error;         // 3: errno of calls that fail
  _Atomic(uint64_t) classes;       // 4: bits of enum fault_class
  _Atomic(uint64_t) hits;          // 5: calls that were failed
  _Atomic(int64_t) clock_offset;   // 6: seconds that CLOCK_REALTIME is ahead
  _Atomic(uint64_t) spawn_error;   // 7: what posix_spawn fails with; 0 lets it work
  _Atomic(uint64_t) spawns_failed; // 8
  uint64_t unused[7];
  char call[384];                  // 16: the call that was meant, as text
};

#endif
