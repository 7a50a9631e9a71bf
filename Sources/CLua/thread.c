// A detached thread for a VM.

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "internal.h"

typedef struct beginning {
  void (*body)(void *);
  void *context;
  char name[16];
} beginning;

static void *run(void *argument) {
  beginning b = *(beginning *)argument;
  free(argument);
  pthread_setname_np(pthread_self(), b.name);
  b.body(b.context);
  return NULL;
}

int clua_thread_start(const char *name, size_t stack_size, void (*body)(void *), void *context) {
  beginning *b = calloc(1, sizeof *b);
  if (!b) return ENOMEM;
  b->body = body;
  b->context = context;
  strncpy(b->name, name, sizeof b->name - 1);
  pthread_attr_t attributes;
  pthread_t thread;
  int error = pthread_attr_init(&attributes);
  if (!error) {
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    error = pthread_attr_setstacksize(&attributes, stack_size);
    if (!error) error = pthread_create(&thread, &attributes, run, b);
    pthread_attr_destroy(&attributes);
  }
  if (error) free(b);
  return error;
}
