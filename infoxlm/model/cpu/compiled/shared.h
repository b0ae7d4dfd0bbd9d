// What the operations share: constants, exponentials, random masks, GELU, and where sequences lie.

#ifndef INFOXLM_SHARED
#define INFOXLM_SHARED

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Elements below which waking other threads takes longer than it spares.
#define PARALLEL 16384
// Exponentials that are added up in float32.
#define SUMMED 4096
// Elements of one whose derivative is on the stack, in a core's first cache.
#define SLOPES 4096
// Queries of a tile in attention: its scores, against 512 keys, fit a core's second cache.
#define QUERIES 128

// e^x to 2e-7 of itself, and 0 below -87: a reduced argument and a polynomial (Cephes' expf,
// Moshier 1989). NaN stays NaN.
static inline float exponential(float x) {
  float inside = x < -87.0f ? -87.0f : x;
  inside = inside > 88.0f ? 88.0f : inside;
  float whole = __builtin_rintf(inside * 1.44269504f);
  float rest = inside - whole * 0.693359375f;
  rest = rest + whole * 2.12194440e-4f;
  float sum = 1.9875691500e-4f;
  sum = sum * rest + 1.3981999507e-3f;
  sum = sum * rest + 8.3334519073e-3f;
  sum = sum * rest + 4.1665795894e-2f;
  sum = sum * rest + 1.6666665459e-1f;
  sum = sum * rest + 5.0000001201e-1f;
  sum = sum * (rest * rest) + rest + 1.0f;
  union { int32_t bits; float power; } scale = {((int32_t)whole + 127) << 23};
  return x < -87.0f ? 0.0f : sum * scale.power;
}

// Thirty-two bits that look random, of a place and a key: two rounds of a mixer of the kind of
// MurmurHash3's (Appleby 2011) with Wellons' constants (2018, "lowbias32").
static inline uint32_t mixed(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ (x >> 16);
}

static inline uint32_t draw(uint32_t place, uint32_t first, uint32_t second) {
  return mixed(mixed(place ^ first) + second);
}

// What dropout does to an element: those with draws below `threshold`, of 2^32, become 0.
typedef struct {
  uint32_t threshold;
  float factor;
  uint64_t seed;
} Dropout;

// The two keys of a piece.
static inline void keys_of(const Dropout *dropout, uint64_t piece, uint32_t *first,
                           uint32_t *second) {
  *first = draw((uint32_t)piece, (uint32_t)dropout->seed, (uint32_t)(dropout->seed >> 32));
  *second = draw((uint32_t)(piece >> 32), *first, (uint32_t)dropout->seed);
}

static inline long next_of(long *counter) { return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }

static inline void drop(float *row, const float *from, long width, uint32_t place,
                 uint32_t first, uint32_t second, const Dropout *dropout) {
  uint32_t threshold = dropout->threshold;
  float factor = dropout->factor;
#pragma omp simd
  for (long i = 0; i < width; i++)
    row[i] = draw(place + (uint32_t)i, first, second) >= threshold ? from[i] * factor : 0.0f;
}

// GELU: x * Phi(x), and its derivative Phi(x) + x * phi(x) where `slope` is wanted.
// Phi to 7.5e-8 by Abramowitz and Stegun 1964, 26.2.17, which shares its exponential with phi.

static inline void gelu_of(const float *x, float *out, float *slope, long count) {
#pragma omp simd
  for (long i = 0; i < count; i++) {
    float value = x[i];
    float density = 0.39894228f * exponential(-0.5f * value * value);
    float t = 1.0f / (1.0f + 0.2316419f * fabsf(value));
    float sum = 1.330274429f;
    sum = sum * t - 1.821255978f;
    sum = sum * t + 1.781477937f;
    sum = sum * t - 0.356563782f;
    sum = sum * t + 0.319381530f;
    float tail = density * sum * t;
    float below = value >= 0.0f ? 1.0f - tail : tail;
    out[i] = value * below;
    if (slope) slope[i] = below + value * density;
  }
}

// Where sequences lie among the tokens: those that ask, and those that are asked.
typedef struct {
  long sequences, heads, size; // size: of a head
  const int64_t *query_starts, *query_lengths, *key_starts, *key_lengths;
  const float *bias; // [sequences, longest key], or none
  long bias_width;
  float scale;
} Layout;

// The probabilities of a tile; `row_max` and `row_scale` are computed, or used again.
static inline void probabilities_of(float *restrict scores, long rows, long width, long stride,
                             const float *restrict bias, float *restrict row_max,
                             float *restrict row_scale, int again) {
  for (long row = 0; row < rows; row++) {
    float *restrict at = scores + row * stride;
    if (bias) {
#pragma omp simd
      for (long i = 0; i < width; i++) at[i] += bias[i];
    }
    if (!again) {
      float most = -INFINITY;
#pragma omp simd reduction(max : most)
      for (long i = 0; i < width; i++) most = at[i] > most ? at[i] : most;
      row_max[row] = most;
    }
    float most = row_max[row], sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (long i = 0; i < width; i++) {
      float value = exponential(at[i] - most);
      at[i] = value;
      sum += value;
    }
    if (!again) row_scale[row] = 1.0f / sum;
    float scale = row_scale[row];
#pragma omp simd
    for (long i = 0; i < width; i++) at[i] *= scale;
  }
}

static inline long longest(const int64_t *lengths, long count) {
  long most = 0;
  for (long i = 0; i < count; i++) most = lengths[i] > most ? lengths[i] : most;
  return most;
}

// Numbers from one row of a tile's scores to the next: each begins with a cache line.
static inline int stride_of(long keys) { return (int)((keys + 15) / 16 * 16); }

// One head of one sequence: what a thread takes at a time.
typedef struct {
  long queries, keys, stride;    // tokens, and numbers from one row of scores to the next
  long start, query_at, key_at;  // the first query's token; where its states, and the keys', begin
  long head;
  const float *bias;             // of its scores, or none
  uint32_t first, second;        // dropout's keys, where there is dropout
} Item;

static inline Item item_of(const Layout *layout, const Dropout *dropout, long number) {
  long sequence = number / layout->heads, head = number % layout->heads;
  long hidden = layout->heads * layout->size, column = head * layout->size;
  Item item = {
      .queries = layout->query_lengths[sequence],
      .keys = layout->key_lengths[sequence],
      .stride = stride_of(layout->key_lengths[sequence]),
      .start = layout->query_starts[sequence],
      .query_at = layout->query_starts[sequence] * hidden + column,
      .key_at = layout->key_starts[sequence] * hidden + column,
      .head = head,
      .bias = layout->bias ? layout->bias + sequence * layout->bias_width : NULL,
  };
  if (dropout) keys_of(dropout, (uint64_t)number, &item.first, &item.second);
  return item;
}

static inline long work(const Layout *layout) {
  long elements = 0;
  for (long i = 0; i < layout->sequences; i++)
    elements += layout->query_lengths[i] * layout->key_lengths[i] * layout->heads;
  return elements;
}

#endif
