#include "troupe/chaos/scenario.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::chaos {
namespace {

constexpr std::array modes{std::pair{parallel_mode::pipeline, std::string_view("pipeline")},
                           std::pair{parallel_mode::tensor, std::string_view("tensor")},
                           std::pair{parallel_mode::data, std::string_view("data")},
                           std::pair{parallel_mode::ensemble, std::string_view("ensemble")}};

result<std::uint64_t> read_number(std::string_view word, std::string_view what, std::uint64_t most) {
  std::uint64_t number = 0;
  const char* end = word.data() + word.size();
  const auto [stopped, failure] = std::from_chars(word.data(), end, number);
  if (word.empty() || failure != std::errc() || stopped != end || number > most)
    return fail(errc::invalid_argument, "{} is \"{}\", and should be a number up to {}", what, word, most);
  return number;
}

result<microseconds> read_time(std::string_view word) {
  const std::size_t digits = word.find_first_not_of("0123456789");
  const std::string_view unit = digits == word.npos ? std::string_view() : word.substr(digits);
  const std::uint64_t scale = unit == "us" ? 1 : unit == "ms" ? 1000 : unit == "s" ? 1'000'000 : 0;
  if (scale == 0) return fail(errc::invalid_argument, "the time \"{}\" should be like 500us, 120ms or 3s", word);
  TROUPE_TRY(const std::uint64_t number,
             read_number(word.substr(0, digits), "a time",
                         static_cast<std::uint64_t>(microseconds(limits::time_max).count()) / scale));
  return microseconds(number * scale);
}

/// The words of one line, taken one after the other.
class words {
public:
  explicit words(std::string_view line) : rest_(line) {}

  /// Empty at the end of the line.
  std::string_view next() {
    const std::size_t begin = rest_.find_first_not_of(" \t");
    if (begin == rest_.npos) {
      rest_ = {};
      return {};
    }
    const std::size_t end = std::min(rest_.find_first_of(" \t", begin), rest_.size());
    const std::string_view word = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end);
    return word;
  }
  /// What is left, without blanks around it.
  std::string_view remainder() {
    const std::size_t begin = rest_.find_first_not_of(" \t");
    if (begin == rest_.npos) return {};
    return rest_.substr(begin, rest_.find_last_not_of(" \t") + 1 - begin);
  }

private:
  std::string_view rest_;
};

std::string_view name_of(fault_target target) {
  return target == fault_target::node ? "node" : target == fault_target::part ? "part" : "cluster";
}

result<fault> read_fault(words line) {
  fault read;
  std::string_view word = line.next();
  if (word == "token") {
    TROUPE_TRY(const std::uint64_t token, read_number(line.next(), "the token", limits::tokens_max));
    read.token = static_cast<std::uint32_t>(token);
    word = line.next();
    if (word == "plus") {
      TROUPE_TRY(read.at, read_time(line.next()));
      word = line.next();
    }
  } else {
    TROUPE_TRY(read.at, read_time(word));
    word = line.next();
  }
  const std::string_view target = word;
  if (target == "node" || target == "part") {
    TROUPE_TRY(const std::uint64_t number, read_number(line.next(), fmt::format("the {}", target), limits::nodes_max));
    read.node = static_cast<std::uint32_t>(number);
  } else if (target != "cluster") {
    return fail(errc::invalid_argument, "\"{}\" should be node N, part N or cluster", target);
  }
  const std::string_view id = line.next();
  const auto kind = fault_kind_of(id);
  if (!kind) return fail(errc::invalid_argument, "\"{}\" is no kind of fault; `troupe chaos --list` shows them", id);
  const fault_kind_info& info = info_of(*kind);
  if (name_of(info.target) != target)
    return fail(errc::invalid_argument, "{} hits a {}, not a {}", id, name_of(info.target), target);
  read.kind = *kind;
  read.parameter = info.parameter_usual;
  word = line.next();
  if (word == "with") {
    const std::string_view given = line.next();
    const std::size_t equals = std::min(given.find('='), given.size());
    if (info.parameter.empty() || given.substr(0, equals) != info.parameter || equals == given.size())
      return info.parameter.empty() ? fail(errc::invalid_argument, "{} takes no parameter", id)
                                    : fail(errc::invalid_argument, "\"{}\" should be {}=N", given, info.parameter);
    TROUPE_TRY(read.parameter, read_number(given.substr(equals + 1), info.parameter, info.parameter_max));
    word = line.next();
  }
  if (word == "for") {
    TROUPE_TRY(read.lasting, read_time(line.next()));
    word = line.next();
  }
  if (!word.empty()) return fail(errc::invalid_argument, "\"{}\" is not expected at the end of a fault", word);
  return read;
}

result<void> read_setting(std::string_view key, words line, fault_plan& into) {
  workload& work = into.work;
  const auto number = [&](std::uint64_t most) { return read_number(line.next(), key, most); };
  if (key == "seed") {
    TROUPE_TRY(into.seed, number(UINT64_MAX));
  } else if (key == "model") {
    work.model = line.remainder();
    if (work.model.empty()) return fail(errc::invalid_argument, "a model's file is missing");
    return {};
  } else if (key == "nodes") {
    TROUPE_TRY(const auto given, number(limits::nodes_max));
    work.nodes = static_cast<std::uint32_t>(given);
  } else if (key == "mode") {
    const std::string_view given = line.next();
    const auto found = std::find_if(modes.begin(), modes.end(), [&](const auto& each) { return each.second == given; });
    if (found == modes.end())
      return fail(errc::invalid_argument, "the mode \"{}\" should be pipeline, tensor, data or ensemble", given);
    work.mode = found->first;
  } else if (key == "requests") {
    TROUPE_TRY(const auto given, number(limits::requests_max));
    work.requests = static_cast<std::uint32_t>(given);
  } else if (key == "tokens") {
    TROUPE_TRY(const auto given, number(limits::tokens_max));
    work.tokens = static_cast<std::uint32_t>(given);
  } else if (key == "deadline") {
    TROUPE_TRY(const microseconds given, read_time(line.next()));
    work.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(given);
  } else {
    return fail(errc::invalid_argument, "\"{}\" begins no line of a scenario", key);
  }
  if (const auto more = line.next(); !more.empty())
    return fail(errc::invalid_argument, "\"{}\" is not expected after {}", more, key);
  return {};
}

}  // namespace

result<fault_plan> parse_scenario(std::string_view text) {
  if (text.size() > limits::scenario_bytes_max)
    return fail(errc::invalid_argument, "a scenario of {} bytes is longer than {}", text.size(),
                limits::scenario_bytes_max);
  fault_plan read;
  std::set<std::string_view> given;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto wrong = [&](error why) { return std::move(why).while_doing(fmt::format("line {}", number)); };
    if (line.size() > limits::scenario_line_bytes_max)
      return wrong(fail(errc::invalid_argument, "a line of {} bytes is too long", line.size()));
    for (const char letter : line)
      if (static_cast<unsigned char>(letter) < ' ' && letter != '\t' && letter != '\r')
        return wrong(fail(errc::invalid_argument, "the byte {} is not text", static_cast<int>(letter)));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    words rest(line.substr(0, line.find('#')));
    const std::string_view key = rest.next();
    if (key.empty()) continue;
    if (key == "at") {
      if (read.faults.size() == limits::faults_max)
        return wrong(fail(errc::invalid_argument, "a scenario has at most {} faults", limits::faults_max));
      auto each = read_fault(rest);
      if (!each) return wrong(std::move(each).error());
      read.faults.push_back(*each);
      continue;
    }
    if (!given.insert(key).second) return wrong(fail(errc::invalid_argument, "\"{}\" is given twice", key));
    if (auto outcome = read_setting(key, rest, read); !outcome) return wrong(std::move(outcome).error());
  }
  TROUPE_CHECK(validate(read));
  return read;
}

std::string to_string(microseconds shown) {
  const auto count = shown.count();
  if (count % 1'000'000 == 0) return fmt::format("{}s", count / 1'000'000);
  if (count % 1000 == 0) return fmt::format("{}ms", count / 1000);
  return fmt::format("{}us", count);
}

std::string_view to_string(parallel_mode mode) noexcept {
  for (const auto& [value, name] : modes)
    if (value == mode) return name;
  return "?";
}

std::string to_string(const fault& shown) {
  const fault_kind_info& kind = info_of(shown.kind);
  std::string line = "at ";
  if (!shown.token)
    line += to_string(shown.at);
  else if (shown.at == microseconds(0))
    line += fmt::format("token {}", *shown.token);
  else
    line += fmt::format("token {} plus {}", *shown.token, to_string(shown.at));
  line += fmt::format(" {}", name_of(kind.target));
  if (kind.target != fault_target::cluster) line += fmt::format(" {}", shown.node);
  line += fmt::format(" {}", kind.id);
  if (!kind.parameter.empty()) line += fmt::format(" with {}={}", kind.parameter, shown.parameter);
  if (kind.lasts) line += fmt::format(" for {}", to_string(shown.lasting));
  return line;
}

std::string print_scenario(const fault_plan& plan) {
  const workload& work = plan.work;
  std::string text = fmt::format("seed {}\n", plan.seed);
  if (!work.model.empty()) text += fmt::format("model {}\n", work.model);
  text += fmt::format("nodes {}\nmode {}\nrequests {}\ntokens {}\ndeadline {}\n", work.nodes, to_string(work.mode),
                      work.requests, work.tokens, to_string(microseconds(work.deadline)));
  for (const fault& each : plan.faults) text += to_string(each) + "\n";
  return text;
}

}  // namespace troupe::chaos
