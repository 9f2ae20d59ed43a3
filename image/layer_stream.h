// SPDX-License-Identifier: Apache-2.0
// A layer's plain bytes, read, hashed and decompressed on a thread of its own.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/compression.h"
#include "image/digest.h"

namespace crunlite::image {

struct StreamOptions {
  uint64_t max_blob_bytes = 0;
  uint64_t max_bytes = 0;
  uint64_t max_expansion = 0;
  uint64_t expansion_floor = 0;
  std::optional<DigestAlgorithm> blob_algorithm;  // unset: the blob is not hashed
  DigestAlgorithm diff_algorithm = DigestAlgorithm::kSha256;
  std::function<void(uint64_t)> progress;  // called by next(), on its thread
  std::function<bool()> interrupted;       // likewise
};

struct StreamEnd {
  std::string diff_id;
  std::string blob_digest;
  Compression compression = Compression::kNone;
  uint64_t bytes = 0;
  uint64_t blob_bytes = 0;
};

// Owns the thread and a ring of buffers between it and the reader. The reader's side belongs to
// the thread that called start(). The other thread has ended once the object is destroyed.
class LayerStream {
 public:
  // `blob` is borrowed, and read on the other thread.
  [[nodiscard]] static Result<std::unique_ptr<LayerStream>> start(ByteReader& blob,
                                                                  StreamOptions options);
  LayerStream(const LayerStream&) = delete;
  LayerStream& operator=(const LayerStream&) = delete;
  ~LayerStream();

  // The next bytes, valid until the next call; none is the end.
  [[nodiscard]] Result<std::string_view> next();
  // After the end: what the stream was.
  [[nodiscard]] const StreamEnd& end() const { return end_; }
  // Bytes of the blob read so far.
  [[nodiscard]] uint64_t blob_bytes() const { return blob_bytes_.load(std::memory_order_relaxed); }

 private:
  class Tap;  // between the blob and the decompressor: hashes, counts, stops

  LayerStream(ByteReader& blob, StreamOptions options);
  static void* thread_main(void* self);
  void pump();
  Status pump_all();
  Result<size_t> fill(Decompressor& source, std::vector<char>& buffer);
  bool wait_for_room();

  ByteReader& blob_;
  StreamOptions options_;
  std::optional<pthread_t> thread_;

  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> blob_bytes_ = 0;

  struct Slot {
    std::vector<char> buffer;
    size_t length = 0;
  };
  std::vector<Slot> slots_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable filled_;
  std::condition_variable freed_;
  uint64_t written_ = 0;   // slots filled since the start
  uint64_t released_ = 0;  // slots given back since the start
  bool ended_ = false;
  Status outcome_;  // once ended_

  uint64_t taken_ = 0;  // the reader's own: slots handed out
  StreamEnd end_;       // the thread's until ended_, then the reader's
};

}  // namespace crunlite::image
