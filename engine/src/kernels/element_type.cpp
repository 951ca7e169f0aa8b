#include "kernels/element_type.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<dtype> element_type_of(const node& step, std::int64_t number) {
  switch (number) {
    case 1: return dtype::f32;
    case 2: return dtype::u8;
    case 3: return dtype::i8;
    case 4: return dtype::u16;
    case 5: return dtype::i16;
    case 6: return dtype::i32;
    case 7: return dtype::i64;
    case 9: return dtype::boolean;
    case 10: return dtype::f16;
    case 11: return dtype::f64;
    case 12: return dtype::u32;
    case 13: return dtype::u64;
    case 8: return fail(errc::unsupported, "{} makes strings, which Troupe does not have", step.describe());
    default:
      return fail(errc::unsupported,
                  "{} makes ONNX type {}; float16, float32, float64, bool and integers of 8 to 64 bits exist",
                  step.describe(), number);
  }
}

}  // namespace troupe
