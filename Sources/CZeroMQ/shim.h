#pragma once
#include <zmq.h>

// What threads that wait for ZeroMQ's file descriptors need beside it; Swift's Glibc module leaves these out.
#include <malloc.h>
#include <nss.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>

// Names the calling thread; variadic functions cannot be called from Swift.
static inline void fleet_name_thread(const char *name) { prctl(PR_SET_NAME, name); }
