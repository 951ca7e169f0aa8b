#include "troupe/transport/pairing_code.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {
namespace {

// Crockford's base 32.
constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

char canonical(char typed) {
  if (typed >= 'a' && typed <= 'z') typed = static_cast<char>(typed - 'a' + 'A');
  if (typed == 'O') return '0';
  if (typed == 'I' || typed == 'L') return '1';
  return typed;
}

}  // namespace

result<pairing_code> pairing_code::draw() {
  std::array<unsigned char, symbols> drawn;
  if (::getrandom(drawn.data(), drawn.size(), 0) != static_cast<ssize_t>(drawn.size()))
    return fail(errc::internal, "the operating system gives no random bytes: {}", std::strerror(errno));
  std::string text;
  for (const unsigned char each : drawn) text += alphabet[each % alphabet.size()];  // 256 is a multiple of 32
  return pairing_code(std::move(text));
}

result<pairing_code> pairing_code::parse(std::string_view text) {
  std::string read;
  for (const char typed : text) {
    if (typed == '-' || typed == ' ') continue;
    const char symbol = canonical(typed);
    if (alphabet.find(symbol) == std::string_view::npos || read.size() == symbols) {
      read.clear();
      break;
    }
    read += symbol;
  }
  if (read.size() != symbols)
    return fail(
        errc::invalid_argument,
        "this is not a pairing code; type the 8 letters and digits that the other machine shows, as in 7K3M-9PQX");
  return pairing_code(std::move(read));
}

std::string pairing_code::shown() const {
  return text_.substr(0, symbols / 2) + "-" + text_.substr(symbols / 2);
}

}  // namespace troupe::wire
