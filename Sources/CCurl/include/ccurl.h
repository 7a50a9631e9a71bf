// HTTP for the Lua kernel through libcurl, which is loaded on first use: linking it would cost each start 3 ms.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// libcurl with its connections, which are kept for later requests. Used by one thread.
typedef struct ccurl_session ccurl_session;
/// One request and its answer.
typedef struct ccurl_transfer ccurl_transfer;

/// Loads libcurl and sets it up. Null if it is not there or too old; then `reason` tells why.
ccurl_session *_Nullable ccurl_session_create(const char *_Nullable *_Nonnull reason);
void ccurl_session_destroy(ccurl_session *_Nonnull session);

typedef struct ccurl_request {
  /// http or https.
  const char *_Nonnull url;
  /// Lines such as `Name: value`, ended by null.
  const char *_Nonnull const *_Nonnull headers;
  const uint8_t *_Nonnull body;
  size_t body_count;
  long connect_timeout_ms;
  /// More bytes than this are refused: the transfer fails with `CCURL_TOO_LARGE`.
  size_t largest_answer;
} ccurl_request;

/// Starts to POST a body, of which no copy is made: it must live until the transfer is released. Redirects are not
/// followed, which could take a key to another server. Null without memory.
ccurl_transfer *_Nullable ccurl_begin(ccurl_session *_Nonnull session, const ccurl_request *_Nonnull request);
/// Ends the transfer if it still runs.
void ccurl_release(ccurl_transfer *_Nonnull transfer);

typedef enum ccurl_state {
  CCURL_RUNNING,  ///< nothing new: the time was over, or `wake` became readable
  CCURL_DATA,     ///< there are bytes, or more of them
  CCURL_DONE,     ///< all bytes have been taken and the answer was whole
  CCURL_FAILED,   ///< see `ccurl_failure`
} ccurl_state;

/// Goes on for at most `timeout_ms`, or until something has happened.
/// - `wake`: a descriptor that ends the wait when it is readable.
ccurl_state ccurl_step(ccurl_transfer *_Nonnull transfer, int wake, int timeout_ms);

/// The bytes that have come and were not taken yet; valid until the next step of any transfer of the session.
const uint8_t *_Nullable ccurl_take(ccurl_transfer *_Nonnull transfer, size_t *_Nonnull count);
/// The status of the answer; 0 as long as there is none.
long ccurl_status(const ccurl_transfer *_Nonnull transfer);
/// What `Retry-After` says, in seconds; 0 if it is not there.
int64_t ccurl_retry_after(const ccurl_transfer *_Nonnull transfer);

typedef enum ccurl_failure_kind {
  CCURL_NO_CONNECTION,  ///< the server was not found or did not answer: nothing has reached it
  CCURL_BROKEN,         ///< the connection ended before the answer did
  CCURL_TLS,            ///< the server is not who it should be, or speaks no TLS
  CCURL_TOO_LARGE,
  CCURL_OTHER,
} ccurl_failure_kind;

ccurl_failure_kind ccurl_failure(const ccurl_transfer *_Nonnull transfer);
/// In libcurl's words; never null.
const char *_Nonnull ccurl_failure_text(const ccurl_transfer *_Nonnull transfer);
