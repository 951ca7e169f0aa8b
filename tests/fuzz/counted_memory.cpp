// Takes the place of glibc's allocation functions and passes everything on to them.
#include "counted_memory.hpp"

#include <malloc.h>

#include <atomic>
#include <cerrno>

namespace {

std::atomic<std::size_t> held{0};
std::atomic<std::size_t> peak{0};

}  // namespace

namespace troupe::test {

std::size_t held_bytes() {
  return held.load(std::memory_order_relaxed);
}
std::size_t peak_bytes() {
  return peak.load(std::memory_order_relaxed);
}
void forget_peak() {
  peak.store(held_bytes(), std::memory_order_relaxed);
}

}  // namespace troupe::test

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(TROUPE_FUZZER)

namespace {

void* counted(void* given) {
  if (given) {
    const std::size_t now =
        held.fetch_add(malloc_usable_size(given), std::memory_order_relaxed) + malloc_usable_size(given);
    // Readers under test use one thread: no two raise the peak at once.
    if (now > peak.load(std::memory_order_relaxed)) peak.store(now, std::memory_order_relaxed);
  }
  return given;
}

void uncount(void* given) {
  if (given) held.fetch_sub(malloc_usable_size(given), std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t bytes) {
  return counted(__libc_malloc(bytes));
}

void* calloc(std::size_t count, std::size_t bytes) {
  return counted(__libc_calloc(count, bytes));
}

void* realloc(void* given, std::size_t bytes) {
  const std::size_t before = given ? malloc_usable_size(given) : 0;
  void* const made = __libc_realloc(given, bytes);
  if (made || bytes == 0) held.fetch_sub(before, std::memory_order_relaxed);
  return counted(made);
}

void* memalign(std::size_t alignment, std::size_t bytes) {
  return counted(__libc_memalign(alignment, bytes));
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return memalign(alignment, bytes);
}

int posix_memalign(void** made, std::size_t alignment, std::size_t bytes) {
  *made = memalign(alignment, bytes);
  return *made || bytes == 0 ? 0 : ENOMEM;
}

void free(void* given) {
  uncount(given);
  __libc_free(given);
}

}  // extern "C"

#endif
