#include <cmath>
#include <utility>

#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

/// By Gaussian elimination with partial pivoting, in place.
double determinant(double* matrix, std::int64_t size) {
  double product = 1;
  for (std::int64_t column = 0; column < size; ++column) {
    std::int64_t pivot = column;
    for (std::int64_t row = column + 1; row < size; ++row)
      if (std::abs(matrix[row * size + column]) > std::abs(matrix[pivot * size + column])) pivot = row;
    if (matrix[pivot * size + column] == 0) return 0;
    if (pivot != column) {
      product = -product;
      for (std::int64_t k = 0; k < size; ++k) std::swap(matrix[pivot * size + k], matrix[column * size + k]);
    }
    product *= matrix[column * size + column];
    for (std::int64_t row = column + 1; row < size; ++row) {
      const double factor = matrix[row * size + column] / matrix[column * size + column];
      for (std::int64_t k = column; k < size; ++k) matrix[row * size + k] -= factor * matrix[column * size + k];
    }
  }
  return product;
}

}  // namespace

result<void> det_reference(reference_context& context) {
  TROUPE_TRY(tensor wide, convert(context.input(0), dtype::f64));
  const shape& dims = wide.dims();
  const std::int64_t size = dims[dims.rank() - 1];
  double* matrix = wide.as_mutable<double>().data();
  tensor& target = context.output(0);
  TROUPE_TRY(tensor made, tensor::make(dtype::f64, target.dims()));
  for (double& value : made.as_mutable<double>()) {
    value = determinant(matrix, size);
    matrix += size * size;
  }
  TROUPE_TRY(target, target.type() == dtype::f16 ? convert_to_storage(made, dtype::f16) : convert(made, target.type()));
  return {};
}

}  // namespace troupe
