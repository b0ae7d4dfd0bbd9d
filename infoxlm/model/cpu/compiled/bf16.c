// The encoder's work around bfloat16 products: narrowing, GELU, and attention with products of its own.
//
// Compiled on first use, on CPUs with AVX512_BF16. The large products are oneDNN's (onednn.py);
// those within attention, of some dozens of rows, are the tiles below. Every sum is float32.

#include "shared.h"

#include <immintrin.h>

typedef uint16_t bf16;

// Rows and vectors of a tile of a product: 16 sums in registers hide the latency of vdpbf16ps.
#define TILE 4
#define LANES 16

// ---------------------------------------------------------------------------------------------
// Between the two formats, sixteen numbers at a time.

static inline __mmask16 mask_of(long left) { return left >= LANES ? 0xffff : (1u << left) - 1; }

static inline void narrow_to(bf16 *to, __m512 value, __mmask16 mask) {
  _mm256_mask_storeu_epi16(to, mask, (__m256i)_mm512_cvtneps_pbh(value));
}

static inline __m512 widened(const bf16 *from, __mmask16 mask) {
  __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

static inline void narrow_row(bf16 *restrict to, const float *restrict from, long width) {
  for (long i = 0; i < width; i += LANES) {
    __mmask16 mask = mask_of(width - i);
    narrow_to(to + i, _mm512_maskz_loadu_ps(mask, from + i), mask);
  }
}

// Sixteen numbers with their bias.
static inline __m512 biased(const float *x, const float *bias, __mmask16 mask) {
  return _mm512_add_ps(_mm512_maskz_loadu_ps(mask, x), _mm512_maskz_loadu_ps(mask, bias));
}

// out = x in bfloat16, plus a bias where there is one
int narrow(long rows, long width, const float *restrict x, const float *restrict bias,
           bf16 *restrict out) {
#pragma omp parallel for schedule(static) if (rows * width >= PARALLEL)
  for (long row = 0; row < rows; row++) {
    const float *from = x + row * width;
    bf16 *to = out + row * width;
    for (long i = 0; i < width; i += LANES) {
      __mmask16 mask = mask_of(width - i);
      __m512 value = _mm512_maskz_loadu_ps(mask, from + i);
      if (bias) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, bias + i));
      narrow_to(to + i, value, mask);
    }
  }
  return 0;
}

// sum += the sum of the rows of x, each times its factor where there are factors
int add_rows(long rows, long width, const bf16 *restrict x, const float *restrict factors,
             float *restrict sum) {
  long columns = 4 * LANES, pieces = (width + columns - 1) / columns;
#pragma omp parallel for schedule(static) if (rows * width >= PARALLEL)
  for (long piece = 0; piece < pieces; piece++) {
    __m512 part[4] = {0};
    __mmask16 masks[4];
    long start = piece * columns;
    for (int i = 0; i < 4; i++)
      masks[i] = width - start > i * LANES ? mask_of(width - start - i * LANES) : 0;
    for (long row = 0; row < rows; row++) {
      __m512 factor = _mm512_set1_ps(factors ? factors[row] : 1.0f);
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        __m512 value = widened(x + row * width + start + i * LANES, masks[i]);
        part[i] = _mm512_fmadd_ps(value, factor, part[i]);
      }
    }
    for (int i = 0; i < 4; i++) {
      float *to = sum + start + i * LANES;
      _mm512_mask_storeu_ps(to, masks[i], _mm512_add_ps(part[i], _mm512_maskz_loadu_ps(masks[i], to)));
    }
  }
  return 0;
}

// Add up what residual_norm_gradient left of each piece, [pieces, 2, width].
int add_pieces(long pieces, long width, const float *restrict sums, float *restrict of_weight,
               float *restrict of_bias) {
  for (long piece = 0; piece < pieces; piece++) {
    const float *part = sums + piece * 2 * width;
#pragma omp simd
    for (long i = 0; i < width; i++) {
      of_weight[i] += part[i];
      of_bias[i] += part[width + i];
    }
  }
  return 0;
}

// ---------------------------------------------------------------------------------------------
// Sixteen at a time with masks at the end of a row, where a compiler's loops go on one by one.

// e^x to 2e-7 of itself, as shared.h's; 0 below -104. NaN stays NaN: the second operand of a maximum.
static inline __m512 exponentials(__m512 x) {
  x = _mm512_max_ps(_mm512_set1_ps(-104.0f), x);
  __m512 whole = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
  __m512 rest = _mm512_fnmadd_ps(whole, _mm512_set1_ps(0.693359375f), x);
  rest = _mm512_fmadd_ps(whole, _mm512_set1_ps(2.12194440e-4f), rest);
  __m512 sum = _mm512_set1_ps(1.9875691500e-4f);
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1.3981999507e-3f));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(8.3334519073e-3f));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(4.1665795894e-2f));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1.6666665459e-1f));
  sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(5.0000001201e-1f));
  sum = _mm512_fmadd_ps(sum, _mm512_mul_ps(rest, rest), _mm512_add_ps(rest, _mm512_set1_ps(1.0f)));
  return _mm512_scalef_ps(sum, whole);
}

// GELU as shared.h's, and its derivative where `slope` is wanted. The processor's quick reciprocal
// and one Newton step take half the time of a division; of an infinity they make NaN.
static inline __m512 gelus(__m512 x, __m512 *slope) {
  __m512 half = _mm512_mul_ps(x, _mm512_set1_ps(-0.5f));
  __m512 density = _mm512_mul_ps(exponentials(_mm512_mul_ps(half, x)), _mm512_set1_ps(0.39894228f));
  __m512 one = _mm512_set1_ps(1.0f);
  __m512 inverse = _mm512_fmadd_ps(_mm512_abs_ps(x), _mm512_set1_ps(0.2316419f), one);
  __m512 t = _mm512_rcp14_ps(inverse);
  t = _mm512_fmadd_ps(t, _mm512_fnmadd_ps(inverse, t, one), t);
  __m512 sum = _mm512_set1_ps(1.330274429f);
  sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(-1.821255978f));
  sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(1.781477937f));
  sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(-0.356563782f));
  sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(0.319381530f));
  __m512 tail = _mm512_mul_ps(density, _mm512_mul_ps(sum, t));
  __mmask16 positive = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GE_OQ);
  __m512 below = _mm512_mask_sub_ps(tail, positive, one, tail);
  if (slope) *slope = _mm512_fmadd_ps(x, density, below);
  return _mm512_mul_ps(x, below);
}

// GELU of x + bias, narrowed; x + bias itself too, where a gradient will want it.
int gelu(long rows, long width, const float *restrict x, const float *restrict bias,
         bf16 *restrict kept, bf16 *restrict out) {
  long counter = 0;
#pragma omp parallel if (rows * width >= PARALLEL)
  for (long row; (row = next_of(&counter)) < rows;)
    for (long i = 0; i < width; i += LANES) {
      __mmask16 mask = mask_of(width - i);
      long at = row * width + i;
      __m512 value = biased(x + at, bias + i, mask);
      if (kept) narrow_to(kept + at, value, mask);
      narrow_to(out + at, gelus(value, NULL), mask);
    }
  return 0;
}

// Both again for the backward pass: `out` is GELU of x, `of_x` its derivative times the gradient.
int gelu_gradient(long count, const bf16 *restrict x, const float *restrict gradient,
                  bf16 *restrict out, bf16 *restrict of_x) {
  long pieces = (count + SLOPES - 1) / SLOPES, counter = 0;
#pragma omp parallel if (count >= PARALLEL)
  for (long piece; (piece = next_of(&counter)) < pieces;) {
    long end = (piece + 1) * SLOPES < count ? (piece + 1) * SLOPES : count;
    for (long i = piece * SLOPES; i < end; i += LANES) {
      __mmask16 mask = mask_of(end - i);
      __m512 slope;
      narrow_to(out + i, gelus(widened(x + i, mask), &slope), mask);
      narrow_to(of_x + i, _mm512_mul_ps(slope, _mm512_maskz_loadu_ps(mask, gradient + i)), mask);
    }
  }
  return 0;
}

// Cross-entropy over many classes, from scores without their bias, and its gradient: softmax's
// probabilities, less 1 at the label. kernels.c's leaves it in place of the scores; to round it at
// once spares writing and reading them.
int tied_losses(long rows, long classes, const float *restrict scores, const float *restrict bias,
                const int64_t *restrict labels, bf16 *restrict of_scores, float *restrict losses) {
  long counter = 0;
#pragma omp parallel if (rows * classes >= PARALLEL)
  for (long row; (row = next_of(&counter)) < rows;) {
    const float *at = scores + row * classes;
    bf16 *to = of_scores + row * classes;
    float most = -INFINITY; // so far
    double sum = 0.0;       // of e^(score - most)
    for (long start = 0; start < classes; start += SUMMED) {
      long end = classes - start < SUMMED ? classes : start + SUMMED;
      __m512 highest = _mm512_set1_ps(most), part = _mm512_setzero_ps();
      for (long i = start; i < end; i += LANES) {
        __mmask16 mask = mask_of(end - i);
        highest = _mm512_mask_max_ps(highest, mask, biased(at + i, bias + i, mask), highest);
      }
      float before = most;
      most = _mm512_reduce_max_ps(highest);
      float base = most == -INFINITY ? 0.0f : most; // of classes that are ruled out e^score is 0
      for (long i = start; i < end; i += LANES) {
        __mmask16 mask = mask_of(end - i);
        __m512 value = _mm512_sub_ps(biased(at + i, bias + i, mask), _mm512_set1_ps(base));
        part = _mm512_mask_add_ps(part, mask, part, exponentials(value));
      }
      sum = sum * exp((double)before - base) + _mm512_reduce_add_ps(part);
    }
    long label = labels[row];
    float own = at[label] + bias[label] - most, scale = (float)(1.0 / sum);
    losses[row] = (float)log(sum) - own;
    for (long i = 0; i < classes; i += LANES) {
      __mmask16 mask = mask_of(classes - i);
      __m512 value = _mm512_sub_ps(biased(at + i, bias + i, mask), _mm512_set1_ps(most));
      narrow_to(to + i, _mm512_mul_ps(exponentials(value), _mm512_set1_ps(scale)), mask);
    }
    narrow_to(to + label, _mm512_set1_ps(expf(own) * scale - 1.0f), 1);
  }
  return 0;
}

// ---------------------------------------------------------------------------------------------
// Products of some dozens of rows. vdpbf16ps adds two products at a time, so both factors come in
// pairs of neighbours along the summed axis: 32 bits a pair.
//
// The left factor: pair p of row r is left[r * row_step + p * pair_step].
// The right factor, packed: [vectors of 16 columns, pairs, 16].

static inline __attribute__((always_inline)) void tile(int rows, int vectors, long pairs,
                                                       const uint32_t *left, long row_step,
                                                       long pair_step, const uint32_t *right,
                                                       float *out, long stride, int add) {
  __m512 sums[TILE][TILE];
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
      sums[r][v] = add ? _mm512_loadu_ps(out + r * stride + v * LANES) : _mm512_setzero_ps();
  for (long p = 0; p < pairs; p++) {
    __m512i columns[TILE];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
      columns[v] = _mm512_loadu_si512(right + (v * pairs + p) * LANES);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
      __m512i pair = _mm512_set1_epi32((int)left[r * row_step + p * pair_step]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++)
        sums[r][v] = _mm512_dpbf16_ps(sums[r][v], (__m512bh)pair, (__m512bh)columns[v]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) _mm512_storeu_ps(out + r * stride + v * LANES, sums[r][v]);
}

#define TILE_OF(rows, vectors)                                                                      \
  case (rows) * 8 + (vectors):                                                                      \
    tile(rows, vectors, pairs, at, row_step, pair_step, columns, to, stride, add);                  \
    break;
#define TILES_OF(rows)                                                                              \
  TILE_OF(rows, 1) TILE_OF(rows, 2) TILE_OF(rows, 3) TILE_OF(rows, 4)

// out[rows][vectors * 16] = left x right, or += where `add`.
static void product(long rows, long vectors, long pairs, const uint32_t *left, long row_step,
                    long pair_step, const uint32_t *right, float *out, long stride, int add) {
  for (long v = 0; v < vectors; v += TILE) {
    int wide = (int)(vectors - v < TILE ? vectors - v : TILE);
    const uint32_t *columns = right + v * pairs * LANES;
    for (long r = 0; r < rows; r += TILE) {
      int high = (int)(rows - r < TILE ? rows - r : TILE);
      const uint32_t *at = left + r * row_step;
      float *to = out + r * stride + v * LANES;
      switch (high * 8 + wide) { TILES_OF(1) TILES_OF(2) TILES_OF(3) TILES_OF(4) }
    }
  }
}

// Two rows as pairs, sixteen columns at a time.
static inline __m512i interleaved(__m256i first, __m256i second) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(first),
                         _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16));
}

// Pack `rows` x `columns` as a right factor that is summed over its rows; zeros around it.
static void pack_rows(const bf16 *from, long step, long rows, long columns, uint32_t *to) {
  long pairs = (rows + 1) / 2;
  for (long start = 0; start < columns; start += LANES) {
    __mmask16 mask = mask_of(columns - start);
    for (long p = 0; p < pairs; p++) {
      const bf16 *at = from + 2 * p * step + start;
      __mmask16 other = 2 * p + 1 < rows ? mask : 0;
      _mm512_storeu_si512(to + (start / LANES * pairs + p) * LANES,
                          interleaved(_mm256_maskz_loadu_epi16(mask, at),
                                      _mm256_maskz_loadu_epi16(other, at + step)));
    }
  }
}

// Transpose 16 x 16 numbers of 32 bits: first within quarters of rows, then the quarters.
static inline void transpose(__m512i rows[LANES]) {
  __m512i other[LANES];
#pragma GCC unroll 8
  for (int i = 0; i < LANES; i += 2) {
    other[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    other[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < LANES; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(other[i], other[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(other[i], other[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(other[i + 1], other[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(other[i + 1], other[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    __m512i a = rows[i], b = rows[i + 4], c = rows[i + 8], d = rows[i + 12];
    __m512i first = _mm512_shuffle_i32x4(a, b, 0x88), second = _mm512_shuffle_i32x4(a, b, 0xdd);
    __m512i third = _mm512_shuffle_i32x4(c, d, 0x88), fourth = _mm512_shuffle_i32x4(c, d, 0xdd);
    rows[i] = _mm512_shuffle_i32x4(first, third, 0x88);
    rows[i + 4] = _mm512_shuffle_i32x4(second, fourth, 0x88);
    rows[i + 8] = _mm512_shuffle_i32x4(first, third, 0xdd);
    rows[i + 12] = _mm512_shuffle_i32x4(second, fourth, 0xdd);
  }
}

// Pack its transpose: a right factor whose columns are the rows, summed over the columns, which are
// even in number.
static void pack_columns(const bf16 *from, long step, long rows, long columns, uint32_t *to) {
  long pairs = columns / 2;
  for (long start = 0; start < rows; start += LANES)
    for (long pair = 0; pair < pairs; pair += LANES) {
      __m512i square[LANES];
      __mmask16 mask = mask_of(pairs - pair);
      for (long lane = 0; lane < LANES; lane++)
        square[lane] = start + lane < rows
            ? _mm512_maskz_loadu_epi32(mask, from + (start + lane) * step + 2 * pair)
            : _mm512_setzero_si512();
      transpose(square);
      for (long i = 0; i < LANES && pair + i < pairs; i++)
        _mm512_storeu_si512(to + (start * pairs + (pair + i) * LANES), square[i]);
    }
}

// Pack float32 [rows, stride] as a left factor that is transposed: [pairs of rows, stride].
static void pack_left(const float *from, long stride, long rows, uint32_t *to) {
  for (long row = 0; row < rows; row += 2)
    for (long i = 0; i < stride; i += LANES) {
      __m256i first = (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(from + row * stride + i));
      __m256i second = row + 1 < rows
          ? (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(from + (row + 1) * stride + i))
          : _mm256_setzero_si256();
      _mm512_storeu_si512(to + row / 2 * stride + i, interleaved(first, second));
    }
}

// A scratch of sums to rows of a head, times a number.
static void give(const float *from, long stride, long rows, long width, float scale, bf16 *to,
                 long step) {
  for (long row = 0; row < rows; row++)
    for (long i = 0; i < width; i += LANES) {
      __m512 value = _mm512_loadu_ps(from + row * stride + i);
      narrow_to(to + row * step + i, _mm512_mul_ps(value, _mm512_set1_ps(scale)), mask_of(width - i));
    }
}

// ---------------------------------------------------------------------------------------------
// Attention, as kernels.c has it: sequence by sequence and head by head.

static size_t lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

// What a thread needs for one sequence and head.
typedef struct {
  float *scores, *slopes, *context; // [QUERIES, stride] twice, [QUERIES, head]
  float *of_key, *of_value;         // [keys, head]
  bf16 *narrow;                     // [QUERIES, stride]
  uint32_t *left;                   // [QUERIES / 2, stride]
  uint32_t *keys, *values;          // packed by columns; attention's values by rows
  uint32_t *key_rows;               // packed by rows: [head / 16, keys / 2, 16]
  uint32_t *query_rows;             // the same of a tile of queries
} Room;

static char *room_for(const Layout *layout, int gradient, Room *room) {
  size_t keys = (size_t)stride_of(longest(layout->key_lengths, layout->sequences));
  size_t head = (size_t)stride_of(layout->size);
  size_t scores = lines(4 * QUERIES * keys), context = lines(4 * QUERIES * head);
  size_t sums = lines(4 * keys * head), half = lines(2 * QUERIES * keys);
  size_t packed = lines(2 * keys * head + 64), query = lines(2 * QUERIES * head);
  size_t total = scores + context + half + 2 * packed;
  if (gradient) total += scores + 2 * sums + half + packed + query;
  char *start = aligned_alloc(64, total), *at = start;
  if (!start) return NULL;
  memset(start, 0, total);
#define TAKE(name, size) room->name = (void *)at, at += (size)
  TAKE(scores, scores), TAKE(context, context), TAKE(narrow, half);
  TAKE(keys, packed), TAKE(values, packed);
  if (gradient) {
    TAKE(slopes, scores), TAKE(of_key, sums), TAKE(of_value, sums), TAKE(left, half);
    TAKE(key_rows, packed), TAKE(query_rows, query);
  }
#undef TAKE
  return start;
}

// Sixteen scores times the scale, plus their bias where there is one.
static inline __m512 scaled(const float *at, const Item *item, long i, __mmask16 mask, __m512 scale) {
  __m512 bias = item->bias ? _mm512_maskz_loadu_ps(mask, item->bias + i) : _mm512_setzero_ps();
  return _mm512_fmadd_ps(_mm512_loadu_ps(at), scale, bias);
}

// Scores of a tile of queries, and their probabilities; the largest and the scale of a row are
// computed, or used again.
static void weigh(const Room *room, const Layout *layout, const Item *item, const bf16 *query,
                  long rows, float *row_max, float *row_scale, int again) {
  long stride = item->stride, keys = item->keys, pairs = layout->size / 2;
  product(rows, stride / LANES, pairs, (const uint32_t *)query, layout->heads * pairs, 1, room->keys,
          room->scores, stride, 0);
  __m512 scale = _mm512_set1_ps(layout->scale);
  for (long row = 0; row < rows; row++) {
    float *at = room->scores + row * stride;
    if (!again) {
      __m512 most = _mm512_set1_ps(-INFINITY);
      for (long i = 0; i < keys; i += LANES) {
        __mmask16 mask = mask_of(keys - i);
        most = _mm512_mask_max_ps(most, mask, most, scaled(at + i, item, i, mask, scale));
      }
      row_max[row] = _mm512_reduce_max_ps(most);
    }
    __m512 most = _mm512_set1_ps(row_max[row]), sum = _mm512_setzero_ps();
    __m512 factor = _mm512_set1_ps(again ? row_scale[row] : 1.0f);
    for (long i = 0; i < keys; i += LANES) {
      __mmask16 mask = mask_of(keys - i);
      __m512 score = _mm512_sub_ps(scaled(at + i, item, i, mask, scale), most);
      __m512 value = _mm512_maskz_mul_ps(mask, exponentials(score), factor);
      sum = _mm512_add_ps(sum, value);
      _mm512_storeu_ps(at + i, value);
    }
    if (again) continue;
    row_scale[row] = 1.0f / _mm512_reduce_add_ps(sum);
    factor = _mm512_set1_ps(row_scale[row]);
    for (long i = 0; i < keys; i += LANES)
      _mm512_storeu_ps(at + i, _mm512_mul_ps(_mm512_loadu_ps(at + i), factor));
  }
}

// As kernels.c's. Heads have an even number of elements. Returns -1 without memory for scores.
int attention(const Layout *layout, const bf16 *restrict query, const bf16 *restrict key,
              const bf16 *restrict value, const Dropout *dropout, bf16 *restrict out,
              float *restrict row_max, float *restrict row_scale, long query_tokens) {
  long items = layout->sequences * layout->heads, counter = 0, size = layout->size;
  long hidden = layout->heads * size, head_stride = stride_of(size);
  int result = 0;
#pragma omp parallel if (work(layout) >= PARALLEL)
  {
    Room room;
    char *memory = room_for(layout, 0, &room);
    if (!memory) __atomic_store_n(&result, -1, __ATOMIC_RELAXED);
    for (long number; memory && (number = next_of(&counter)) < items;) {
      Item item = item_of(layout, dropout, number);
      long queries = item.queries, keys = item.keys, stride = item.stride, key_at = item.key_at;
      pack_columns(key + key_at, hidden, keys, size, room.keys);
      pack_rows(value + key_at, hidden, keys, size, room.values);
      for (long from = 0; from < queries; from += QUERIES) {
        long rows = queries - from < QUERIES ? queries - from : QUERIES;
        long at = item.query_at + from * hidden, kept = item.head * query_tokens + item.start + from;
        weigh(&room, layout, &item, query + at, rows, row_max + kept, row_scale + kept, 0);
        if (dropout)
          drop(room.scores, room.scores, rows * stride, (uint32_t)(from * stride), item.first,
               item.second, dropout);
        narrow_row(room.narrow, room.scores, rows * stride);
        product(rows, head_stride / LANES, (keys + 1) / 2, (const uint32_t *)room.narrow, stride / 2,
                1, room.values, room.context, head_stride, 0);
        give(room.context, head_stride, rows, size, 1.0f, out + at, hidden);
      }
    }
    free(memory);
  }
  return result;
}

// As kernels.c's: probabilities are computed again.
int attention_gradient(const Layout *layout, const bf16 *restrict query, const bf16 *restrict key,
                       const bf16 *restrict value, const Dropout *dropout,
                       const bf16 *restrict context, const bf16 *restrict gradient,
                       float *restrict row_max, float *restrict row_scale, long query_tokens,
                       bf16 *restrict of_query, bf16 *restrict of_key, bf16 *restrict of_value) {
  long items = layout->sequences * layout->heads, counter = 0, size = layout->size;
  long hidden = layout->heads * size, head_stride = stride_of(size), vectors = head_stride / LANES;
  int result = 0;
#pragma omp parallel if (work(layout) >= PARALLEL)
  {
    Room room;
    char *memory = room_for(layout, 1, &room);
    if (!memory) __atomic_store_n(&result, -1, __ATOMIC_RELAXED);
    for (long number; memory && (number = next_of(&counter)) < items;) {
      Item item = item_of(layout, dropout, number);
      long queries = item.queries, keys = item.keys, stride = item.stride, key_at = item.key_at;
      pack_columns(key + key_at, hidden, keys, size, room.keys);
      pack_columns(value + key_at, hidden, keys, size, room.values);
      pack_rows(key + key_at, hidden, keys, size, room.key_rows);
      if (!queries) {
        memset(room.of_key, 0, sizeof(float) * (size_t)(keys * head_stride));
        memset(room.of_value, 0, sizeof(float) * (size_t)(keys * head_stride));
      }
      for (long from = 0; from < queries; from += QUERIES) {
        long rows = queries - from < QUERIES ? queries - from : QUERIES;
        long at = item.query_at + from * hidden, kept = item.head * query_tokens + item.start + from;
        uint32_t place = (uint32_t)(from * stride);
        weigh(&room, layout, &item, query + at, rows, row_max + kept, row_scale + kept, 1);
        product(rows, stride / LANES, size / 2, (const uint32_t *)(gradient + at), hidden / 2, 1,
                room.values, room.slopes, stride, 0);
        if (dropout)
          drop(room.slopes, room.slopes, rows * stride, place, item.first, item.second, dropout);
        for (long row = 0; row < rows; row++) {
          const bf16 *outer = gradient + at + row * hidden, *inner = context + at + row * hidden;
          __m512 means = _mm512_setzero_ps();
          for (long i = 0; i < size; i += LANES) {
            __mmask16 mask = mask_of(size - i);
            means = _mm512_fmadd_ps(widened(outer + i, mask), widened(inner + i, mask), means);
          }
          float mean = _mm512_reduce_add_ps(means), *restrict slope = room.slopes + row * stride;
          const float *restrict probability = room.scores + row * stride;
#pragma omp simd
          for (long i = 0; i < stride; i++) slope[i] = (slope[i] - mean) * probability[i];
        }
        if (dropout)
          drop(room.scores, room.scores, rows * stride, place, item.first, item.second, dropout);
        // of_value += weights^T @ gradient
        pack_left(room.scores, stride, rows, room.left);
        pack_rows(gradient + at, hidden, rows, size, room.query_rows);
        product(keys, vectors, (rows + 1) / 2, room.left, 1, stride, room.query_rows, room.of_value,
                head_stride, from > 0);
        // of_key += slopes^T @ query
        pack_left(room.slopes, stride, rows, room.left);
        pack_rows(query + at, hidden, rows, size, room.query_rows);
        product(keys, vectors, (rows + 1) / 2, room.left, 1, stride, room.query_rows, room.of_key,
                head_stride, from > 0);
        // of_query = slopes @ key
        narrow_row(room.narrow, room.slopes, rows * stride);
        product(rows, vectors, (keys + 1) / 2, (const uint32_t *)room.narrow, stride / 2, 1,
                room.key_rows, room.context, head_stride, 0);
        give(room.context, head_stride, rows, size, layout->scale, of_query + at, hidden);
      }
      give(room.of_key, head_stride, keys, size, layout->scale, of_key + key_at, hidden);
      give(room.of_value, head_stride, keys, size, 1.0f, of_value + key_at, hidden);
    }
    free(memory);
  }
  return result;
}
