#version 450
// Packs rows of up to four weights of one format, one below the other, for the kernels that multiply by them. Rows past the
// end, up to the next multiple of eight, are zeros. An invocation makes one word.
#include "indexing.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 5) const uint sources = 1;

layout(set = 0, binding = 0) readonly buffer first_words { uint first[]; };
layout(set = 0, binding = 1) readonly buffer second_words { uint second[]; };
layout(set = 0, binding = 2) readonly buffer third_words { uint third[]; };
layout(set = 0, binding = 3) readonly buffer fourth_words { uint fourth[]; };
layout(set = 0, binding = 4) writeonly buffer target_words { uvec4 target[]; };

layout(push_constant) uniform parameters {
  uint count;       // words of the target
  uint inner;       // elements of a row
  uint row_bytes;   // as it lies in the sources
  uint row_words;   // of the target
  uint row_ends[4];  // where in the target each source ends
};

uint source;

uint word_at(uint i) {
  if (sources > 1 && source == 1) return second[i];
  if (sources > 2 && source == 2) return third[i];
  if (sources > 3 && source == 3) return fourth[i];
  return first[i];
}

// Two or four bytes from an even one on. What lies beyond them is not read.
uint half_at(uint byte) { return word_at(byte / 4) >> 8 * (byte & 2) & 0xffff; }

uint source_at(uint byte) {
  const uint low = word_at(byte / 4);
  if ((byte & 2) == 0) return low;
  return low >> 16 | word_at(byte / 4 + 1) << 16;
}

#include "pack_blocks.glsl"

void main() {
  const uint i = global_index();  // [eight rows, word of a row, row]
  if (i >= count) return;
  const uint word = i / 8 % row_words;
  uint row = i / 8 / row_words * 8 + i % 8;
  if (row >= row_ends[sources - 1]) {
    target[i] = uvec4(0);
    return;
  }
  source = 0;
  uint begin = 0;
  for (uint s = 1; s < sources; ++s)
    if (row >= row_ends[s - 1]) {
      source = s;
      begin = row_ends[s - 1];
    }
  row -= begin;

  const uint chunk_words = header_words + CHUNK / unit_elements * unit_words;
  const uint chunk = word / chunk_words;
  const uint within = word % chunk_words;
  const uint elements = min(CHUNK, inner - CHUNK * chunk);
  const uint chunk_bytes = header_words == 0 ? CHUNK * block_bytes : format < FORMAT_Q2_K ? 8 * block_bytes : block_bytes;
  const uint byte = row * row_bytes + chunk * chunk_bytes;
  if (within < header_words)
    target[i] = header_word(byte, (elements + 31) / 32, within);
  else
    target[i] = unit_word(byte, elements, (within - header_words) / unit_words, (within - header_words) % unit_words);
}
