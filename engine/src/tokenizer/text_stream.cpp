#include "troupe/engine/tokenizer.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {

text_stream::text_stream(tokenizer words, const decode_options& options)
    : tokenizer_(std::move(words)),
      options_(options),
      strip_space_(tokenizer_.words().add_space_prefix && !options.leading_space) {}

std::string text_stream::add(token_id token) {
  std::string_view text = tokenizer_.piece(token, options_.special);
  if (text.empty()) return {};
  if (strip_space_ && text.front() == ' ') text.remove_prefix(1);
  strip_space_ = false;
  held_.append(text);
  std::size_t done = 0;
  while (done < held_.size()) {
    const utf8_front front = front_of_utf8(std::string_view(held_).substr(done));
    if (front.state == utf8_state::incomplete) break;
    done += front.bytes;
  }
  std::string said = held_.substr(0, done);
  held_.erase(0, done);
  return said;
}

std::string text_stream::finish() {
  std::string rest;
  rest.swap(held_);
  return rest;
}

}  // namespace troupe
