// Which row of packed weights makes a column of a slot, where every slot of a row of x is given to an expert of its own.
#ifndef TROUPE_EXPERT_ROWS_GLSL
#define TROUPE_EXPERT_ROWS_GLSL

layout(set = 0, binding = 5) readonly buffer id_elements { STORED ids[]; };

// An id is a number somebody computed: what is no expert becomes the nearest, and a NaN the first.
uint expert_of(uint slot) {
  const float id = floor(widen(ids[min(slot, rows - 1)]) + 0.5);
  return id > 0.0 ? uint(min(id, float(experts - 1))) : 0;
}

// The weights hold rows [first_row, first_row + part_rows) of all experts' rows, one below the other: false for others.
bool find_row(uint slot, uint column, out uint row) {
  row = expert_of(slot) * own_columns + min(column, own_columns - 1) - first_row;  // below first_row: huge
  const bool here = row < part_rows;
  row = here ? row : 0;
  return here;
}

#endif
