// SPDX-License-Identifier: Apache-2.0
#include "image/layer_stream.h"

#include <signal.h>

#include <chrono>

#include "base/sys.h"

namespace crunlite::image {
namespace {

// Small enough to stay in the second-level cache between the two threads, large enough that
// handing one over costs nothing.
constexpr size_t kSlots = 6;
constexpr size_t kSlotBytes = size_t{1} << 17;
// How often a reader that waits asks whether it is interrupted.
constexpr auto kPoll = std::chrono::milliseconds(100);

}  // namespace

class LayerStream::Tap : public ByteReader {
 public:
  Tap(LayerStream& owner, std::optional<Digester> digester)
      : owner_(owner), digester_(std::move(digester)) {}

  Result<size_t> read(std::span<char> buffer) override {
    // Here, since a decompressor may read for long without yielding a byte.
    if (owner_.stop_.load(std::memory_order_relaxed)) return fail(Kind::kConflict, "stopped");
    size_t length = TRY(owner_.blob_.read(buffer), "read");
    uint64_t total = owner_.blob_bytes_.load(std::memory_order_relaxed) + length;
    if (total > owner_.options_.max_blob_bytes) {
      return fail(Kind::kLimit, "is larger than ", owner_.options_.max_blob_bytes, " bytes");
    }
    if (digester_.has_value()) digester_->update({buffer.data(), length});
    owner_.blob_bytes_.store(total, std::memory_order_relaxed);
    return length;
  }
  std::string finish() { return digester_.has_value() ? digester_->finish() : std::string(); }

 private:
  LayerStream& owner_;
  std::optional<Digester> digester_;
};

LayerStream::LayerStream(ByteReader& blob, StreamOptions options)
    : blob_(blob), options_(std::move(options)), slots_(kSlots) {
  for (Slot& slot : slots_) slot.buffer.resize(kSlotBytes);
}

Result<std::unique_ptr<LayerStream>> LayerStream::start(ByteReader& blob, StreamOptions options) {
  std::unique_ptr<LayerStream> stream(new LayerStream(blob, std::move(options)));
  // Signals are the business of the program's own threads. std::thread would throw where the
  // limit of processes is reached.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread{};
  int failed = pthread_create(&thread, nullptr, thread_main, stream.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) return std::unexpected(with_context(sys::error_of(failed), "start a thread"));
  stream->thread_ = thread;
  return stream;
}

LayerStream::~LayerStream() {
  if (!thread_.has_value()) return;
  {
    std::lock_guard lock(mutex_);
    stop_.store(true, std::memory_order_relaxed);
  }
  freed_.notify_one();
  pthread_join(*thread_, nullptr);
}

void* LayerStream::thread_main(void* self) {
  static_cast<LayerStream*>(self)->pump();
  return nullptr;
}

void LayerStream::pump() {
  Status outcome = pump_all();
  std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  ended_ = true;
  filled_.notify_one();
}

Status LayerStream::pump_all() {
  std::optional<Digester> blob_digester;
  if (options_.blob_algorithm.has_value()) {
    blob_digester = TRY(Digester::create(*options_.blob_algorithm));
  }
  Tap tap(*this, std::move(blob_digester));
  Digester diff = TRY(Digester::create(options_.diff_algorithm));
  std::unique_ptr<Decompressor> source = TRY(Decompressor::create(tap));
  end_.compression = source->compression();
  while (wait_for_room()) {
    Slot& slot = slots_[written_ % kSlots];  // only this thread changes written_
    slot.length = TRY(fill(*source, slot.buffer));
    if (slot.length == 0) break;
    diff.update({slot.buffer.data(), slot.length});
    std::lock_guard lock(mutex_);
    written_++;
    filled_.notify_one();
  }
  end_.diff_id = diff.finish();
  end_.blob_digest = tap.finish();
  end_.blob_bytes = blob_bytes();
  return {};
}

bool LayerStream::wait_for_room() {
  std::unique_lock lock(mutex_);
  freed_.wait(
      lock, [&] { return written_ - released_ < kSlots || stop_.load(std::memory_order_relaxed); });
  return !stop_.load(std::memory_order_relaxed);
}

// A whole buffer, or less at the end: the decompressor may yield little at a time.
Result<size_t> LayerStream::fill(Decompressor& source, std::vector<char>& buffer) {
  size_t used = 0;
  while (used < buffer.size()) {
    size_t length = TRY(source.read(std::span(buffer).subspan(used)));
    if (length == 0) break;
    used += length;
    end_.bytes += length;
    if (end_.bytes > options_.max_bytes) {
      return fail(Kind::kLimit, "unpacks to more than ", options_.max_bytes, " bytes");
    }
    uint64_t allowed = std::max(options_.expansion_floor, blob_bytes() * options_.max_expansion);
    if (end_.bytes > allowed) {
      return fail(Kind::kLimit, "expands more than ", options_.max_expansion, " times");
    }
  }
  return used;
}

Result<std::string_view> LayerStream::next() {
  std::unique_lock lock(mutex_);
  if (released_ < taken_) {
    released_ = taken_;
    freed_.notify_one();
  }
  for (;;) {
    bool ready = filled_.wait_for(lock, kPoll, [&] { return written_ > taken_ || ended_; });
    lock.unlock();
    if (options_.progress) options_.progress(blob_bytes());
    if (options_.interrupted && options_.interrupted()) {
      return fail(Kind::kConflict, "interrupted");
    }
    lock.lock();
    if (ready) break;
  }
  if (written_ > taken_) {
    Slot& slot = slots_[taken_ % kSlots];
    taken_++;
    return std::string_view(slot.buffer.data(), slot.length);
  }
  if (!outcome_.has_value()) return std::unexpected(outcome_.error());
  return std::string_view();
}

}  // namespace crunlite::image
