#include "tls/socket_bio.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace troupe::wire {
namespace {

bio_socket& socket_of(BIO* bio) {
  return *static_cast<bio_socket*>(BIO_get_data(bio));
}

bool try_again_later() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

int write_bytes(BIO* bio, const char* bytes, int count) {
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(socket_of(bio).descriptor, bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<int>(sent);
  if (try_again_later())
    BIO_set_retry_write(bio);
  else
    socket_of(bio).failure = errno;
  return -1;
}

int read_bytes(BIO* bio, char* into, int count) {
  BIO_clear_retry_flags(bio);
  const auto got = ::recv(socket_of(bio).descriptor, into, static_cast<std::size_t>(count), 0);
  if (got > 0) return static_cast<int>(got);
  if (got == 0) {
    socket_of(bio).ended = true;
    return 0;
  }
  if (try_again_later())
    BIO_set_retry_read(bio);
  else
    socket_of(bio).failure = errno;
  return -1;
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;  // nothing is kept here
  if (command == BIO_CTRL_EOF) return socket_of(bio).ended ? 1 : 0;
  return 0;
}

}  // namespace

result<bio_method> make_bio_method() {
  bio_method made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "troupe socket"));
  if (!made || BIO_meth_set_write(made.get(), write_bytes) != 1 || BIO_meth_set_read(made.get(), read_bytes) != 1 ||
      BIO_meth_set_ctrl(made.get(), control) != 1)
    return openssl_failure("a BIO cannot be made");
  return made;
}

BIO* make_bio(const BIO_METHOD* method, bio_socket& over) {
  BIO* made = BIO_new(method);
  if (!made) return nullptr;
  BIO_set_data(made, &over);
  BIO_set_init(made, 1);
  return made;
}

}  // namespace troupe::wire
