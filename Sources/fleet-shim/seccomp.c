// The calls of the system that no kernel of a fleet needs and that an attacker of the system does: they answer EPERM.
// After the default profile of container engines.

#include "shim.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
static const unsigned int machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
static const unsigned int machine = AUDIT_ARCH_AARCH64;
#else
static const unsigned int machine = 0;
#endif

static const int forbidden[] = {
    // other processes
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, 438 /* pidfd_getfd */,
    // mounts and namespaces
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, 428 /* open_tree */, 429 /* move_mount */,
    430 /* fsopen */, 431 /* fsconfig */, 432 /* fsmount */, 433 /* fspick */, 442 /* mount_setattr */,
    SYS_open_by_handle_at,
    // the system itself
    SYS_kexec_load,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl,
    SYS_sethostname, SYS_setdomainname, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_vhangup,
    SYS_syslog,
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
    // large doors into the system's kernel
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_add_key, SYS_request_key, SYS_keyctl, 425 /* io_uring_setup */,
    426 /* io_uring_enter */, 427 /* io_uring_register */,
};

enum { COUNT = sizeof forbidden / sizeof *forbidden, NAMESPACES = 0x7e020000 /* CLONE_NEW… */, X32 = 0x40000000 };

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE(error) ANSWER(SECCOMP_RET_ERRNO | (error))

// 0 or an errno. Needs no rights, because no_new_privs is set.
int forbid_calls(void) {
  struct sock_filter code[2 * COUNT + 24];
  unsigned short length = 0;
  if (!machine) return ENOSYS;
#define ADD(...) code[length++] = (struct sock_filter)__VA_ARGS__
  // Numbers mean other calls in the other ways to call the system: there are none for a kernel.
  ADD(LOAD(arch));
  ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, machine, 1, 0));
  ADD(REFUSE(ENOSYS));
  ADD(LOAD(nr));
#if defined(__x86_64__)
  ADD(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1));
  ADD(REFUSE(ENOSYS));
#endif
  for (int at = 0; at < COUNT; at++) {
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)forbidden[at], 0, 1));
    ADD(REFUSE(EPERM));
  }
  // The flags of clone3 lie in memory, which a filter cannot read: the C library then takes clone.
  ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 435, 0, 1));
  ADD(REFUSE(ENOSYS));
  ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
  ADD(LOAD(args[0]));
  ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1));
  ADD(REFUSE(EPERM));
  ADD(ANSWER(SECCOMP_RET_ALLOW));
#undef ADD
  struct sock_fprog program = {.len = length, .filter = code};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? errno : 0;
}
