// A value or the error that prevented it. Nothing in Troupe throws across a module edge; it returns one of these.
#pragma once

#include <cassert>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "troupe/engine/error.hpp"

namespace troupe {

/// Either a `T` or an `error`. Asking for the one that is not there is a bug of the caller (asserted).
template <class T>
class [[nodiscard]] result {
public:
  using value_type = T;

  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  result(troupe::error failure) : state_(std::in_place_index<1>, std::move(failure)) {}
  template <class U>
  requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, result> &&
           !std::is_same_v<std::remove_cvref_t<U>, troupe::error> && !std::is_same_v<std::remove_cvref_t<U>, T>)
      result(U&& value)  // NOLINT(bugprone-forwarding-reference-overload): constrained above
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return *self().ptr(); }
  const T& value() const& { return *ptr(); }
  T&& value() && { return std::move(*ptr()); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return ptr(); }
  const T* operator->() const { return ptr(); }

  troupe::error& error() & { return failure(); }
  const troupe::error& error() const& { return const_cast<result*>(this)->failure(); }
  troupe::error&& error() && { return std::move(failure()); }

  /// Adds context to the error, if there is one.
  result&& while_doing(std::string what) && {
    if (!has_value()) failure().while_doing(std::move(what));
    return std::move(*this);
  }

private:
  result& self() { return *this; }
  T* ptr() {
    assert(has_value());
    return std::get_if<0>(&state_);
  }
  const T* ptr() const {
    assert(has_value());
    return std::get_if<0>(&state_);
  }
  troupe::error& failure() {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

  std::variant<T, troupe::error> state_;
};

/// Success, or an error.
template <>
class [[nodiscard]] result<void> {
public:
  using value_type = void;

  result() = default;
  result(troupe::error failure) : failure_(std::move(failure)) {}

  bool has_value() const noexcept { return !failure_; }
  explicit operator bool() const noexcept { return has_value(); }

  troupe::error& error() & {
    assert(failure_);
    return *failure_;
  }
  const troupe::error& error() const& {
    assert(failure_);
    return *failure_;
  }
  troupe::error&& error() && {
    assert(failure_);
    return std::move(*failure_);
  }

  result&& while_doing(std::string what) && {
    if (failure_) failure_->while_doing(std::move(what));
    return std::move(*this);
  }

private:
  std::optional<troupe::error> failure_;
};

}  // namespace troupe

#define TROUPE_CONCAT_INNER(a, b) a##b
#define TROUPE_CONCAT(a, b) TROUPE_CONCAT_INNER(a, b)

/// `TROUPE_TRY(auto x, f());` declares x from the value of f(), or returns f()'s error from this function.
#define TROUPE_TRY(declaration, expression) TROUPE_TRY_AS(TROUPE_CONCAT(troupe_try_, __LINE__), declaration, expression)
#define TROUPE_TRY_AS(name, declaration, expression) \
  auto name = (expression);                          \
  if (!name) return std::move(name).error();         \
  declaration = std::move(name).value()

/// `TROUPE_CHECK(f());` goes on if f() succeeded, or returns its error from this function.
#define TROUPE_CHECK(expression)                                                                       \
  do {                                                                                                 \
    if (auto troupe_checked = (expression); !troupe_checked) return std::move(troupe_checked).error(); \
  } while (false)
