// libcurl's multi interface, by functions that are looked up when the library is loaded.

#include "ccurl.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

struct ccurl_session {
  CURLM *multi;
};

struct ccurl_transfer {
  ccurl_session *session;
  CURL *easy;
  struct curl_slist *headers;
  uint8_t *bytes;
  size_t count, capacity;
  size_t received, largest;
  bool is_over, is_too_large;
  CURLcode result;
  char text[CURL_ERROR_SIZE];
};

// Types are those of the header, so a wrong signature does not compile.
static struct {
  typeof(&curl_global_init) global_init;
  typeof(&curl_easy_init) easy_init;
  typeof(&curl_easy_setopt) easy_setopt;
  typeof(&curl_easy_getinfo) easy_getinfo;
  typeof(&curl_easy_cleanup) easy_cleanup;
  typeof(&curl_easy_strerror) easy_strerror;
  typeof(&curl_slist_append) slist_append;
  typeof(&curl_slist_free_all) slist_free_all;
  typeof(&curl_multi_init) multi_init;
  typeof(&curl_multi_setopt) multi_setopt;
  typeof(&curl_multi_cleanup) multi_cleanup;
  typeof(&curl_multi_add_handle) multi_add_handle;
  typeof(&curl_multi_remove_handle) multi_remove_handle;
  typeof(&curl_multi_perform) multi_perform;
  typeof(&curl_multi_poll) multi_poll;
  typeof(&curl_multi_info_read) multi_info_read;
} library;

static bool find(void *handle, const char *name, void *function) {
  void *found = dlsym(handle, name);
  memcpy(function, &found, sizeof found);
  return found != NULL;
}

/// Loads the library once; it stays until the process ends.
static const char *load(void) {
  if (library.multi_info_read) return NULL;
  const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
  void *handle = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !handle; i++) handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!handle) return "libcurl.so.4 cannot be loaded; install the package libcurl4 (apt install libcurl4)";
#define FIND(name) find(handle, "curl_" #name, &library.name)
  bool is_whole = FIND(global_init) && FIND(easy_init) && FIND(easy_setopt) && FIND(easy_getinfo) &&
    FIND(easy_cleanup) && FIND(easy_strerror) && FIND(slist_append) && FIND(slist_free_all) && FIND(multi_init) &&
    FIND(multi_setopt) && FIND(multi_cleanup) && FIND(multi_add_handle) && FIND(multi_remove_handle) &&
    FIND(multi_perform) && FIND(multi_poll) && FIND(multi_info_read);
#undef FIND
  if (is_whole && library.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) return NULL;
  library.multi_info_read = NULL;
  return "libcurl.so.4 is too old; 7.66 or newer is needed";
}

ccurl_session *ccurl_session_create(const char **reason) {
  // Sessions are made on several threads of a host that tells of alerts.
  static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&loading);
  *reason = load();
  pthread_mutex_unlock(&loading);
  if (*reason) return NULL;
  ccurl_session *session = calloc(1, sizeof *session);
  if (session) session->multi = library.multi_init();
  if (session && session->multi) {
    library.multi_setopt(session->multi, CURLMOPT_MAXCONNECTS, 4L);
    return session;
  }
  free(session);
  *reason = "there is no memory for libcurl";
  return NULL;
}

void ccurl_session_destroy(ccurl_session *session) {
  library.multi_cleanup(session->multi);
  free(session);
}

static size_t receive(char *data, size_t size, size_t count, void *context) {
  ccurl_transfer *transfer = context;
  size *= count;
  transfer->received += size;
  if (transfer->received > transfer->largest) {
    transfer->is_too_large = true;
    return 0;
  }
  if (transfer->count + size > transfer->capacity) {
    size_t capacity = (transfer->count + size) * 2;
    uint8_t *bytes = realloc(transfer->bytes, capacity);
    if (!bytes) return 0;
    transfer->bytes = bytes;
    transfer->capacity = capacity;
  }
  memcpy(transfer->bytes + transfer->count, data, size);
  transfer->count += size;
  return size;
}

/// Programs that a script starts must not inherit connections.
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)context;
  (void)purpose;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool append_headers(ccurl_transfer *transfer, const char *const *lines) {
  for (; *lines; lines++) {
    struct curl_slist *longer = library.slist_append(transfer->headers, *lines);
    if (!longer) return false;
    transfer->headers = longer;
  }
  return true;
}

/// A proxy of the environment is for the outside, not for a server on this machine.
static bool is_local(const char *url) {
  const char *const hosts[] = {"http://127.", "http://localhost", "http://[::1]"};
  for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
    if (strncasecmp(url, hosts[i], strlen(hosts[i])) == 0) return true;
  }
  return false;
}

static void set_options(ccurl_transfer *transfer, const ccurl_request *request) {
#define SET(option, value) library.easy_setopt(transfer->easy, option, value)
  SET(CURLOPT_URL, request->url);
  SET(CURLOPT_HTTPHEADER, transfer->headers);
  SET(CURLOPT_POSTFIELDS, request->body);
  SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_count);
  SET(CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_ACCEPT_ENCODING, "");  // what this libcurl can unpack
  if (is_local(request->url)) SET(CURLOPT_PROXY, "");
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_ERRORBUFFER, transfer->text);
  SET(CURLOPT_WRITEFUNCTION, receive);
  SET(CURLOPT_WRITEDATA, transfer);
  SET(CURLOPT_PRIVATE, transfer);
  SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
  SET(CURLOPT_QUICK_EXIT, 1L);  // an interrupt does not wait for a name server
#undef SET
}

ccurl_transfer *ccurl_begin(ccurl_session *session, const ccurl_request *request) {
  ccurl_transfer *transfer = calloc(1, sizeof *transfer);
  if (!transfer) return NULL;
  transfer->session = session;
  transfer->largest = request->largest_answer;
  transfer->easy = library.easy_init();
  if (transfer->easy && append_headers(transfer, request->headers)) {
    set_options(transfer, request);
    if (library.multi_add_handle(session->multi, transfer->easy) == CURLM_OK) return transfer;
  }
  if (transfer->easy) library.easy_cleanup(transfer->easy);
  library.slist_free_all(transfer->headers);
  free(transfer);
  return NULL;
}

void ccurl_release(ccurl_transfer *transfer) {
  library.multi_remove_handle(transfer->session->multi, transfer->easy);
  library.easy_cleanup(transfer->easy);
  library.slist_free_all(transfer->headers);
  free(transfer->bytes);
  free(transfer);
}

static void perform(ccurl_transfer *transfer) {
  int running, left;
  library.multi_perform(transfer->session->multi, &running);
  for (CURLMsg *message; (message = library.multi_info_read(transfer->session->multi, &left));) {
    if (message->msg != CURLMSG_DONE) continue;
    ccurl_transfer *finished = NULL;  // perhaps another one that is not waited for now
    library.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &finished);
    finished->is_over = true;
    finished->result = message->data.result;
  }
}

static ccurl_state state(const ccurl_transfer *transfer) {
  if (transfer->count) return CCURL_DATA;
  if (!transfer->is_over) return CCURL_RUNNING;
  return transfer->result == CURLE_OK ? CCURL_DONE : CCURL_FAILED;
}

ccurl_state ccurl_step(ccurl_transfer *transfer, int wake, int timeout_ms) {
  if (!transfer->is_over && !transfer->count) perform(transfer);
  if (state(transfer) != CCURL_RUNNING) return state(transfer);
  struct curl_waitfd waking = {.fd = wake, .events = CURL_WAIT_POLLIN};
  library.multi_poll(transfer->session->multi, &waking, 1, timeout_ms, NULL);
  perform(transfer);
  return state(transfer);
}

const uint8_t *ccurl_take(ccurl_transfer *transfer, size_t *count) {
  *count = transfer->count;
  transfer->count = 0;
  return transfer->bytes;
}

long ccurl_status(const ccurl_transfer *transfer) {
  long status = 0;
  library.easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

int64_t ccurl_retry_after(const ccurl_transfer *transfer) {
  curl_off_t seconds = 0;
  library.easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
  return seconds;
}

ccurl_failure_kind ccurl_failure(const ccurl_transfer *transfer) {
  if (transfer->is_too_large) return CCURL_TOO_LARGE;
  switch (transfer->result) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:  // only connecting has a time of its own
      return CCURL_NO_CONNECTION;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return CCURL_BROKEN;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return CCURL_TLS;
    default: return CCURL_OTHER;
  }
}

const char *ccurl_failure_text(const ccurl_transfer *transfer) {
  return transfer->text[0] ? transfer->text : library.easy_strerror(transfer->result);
}
