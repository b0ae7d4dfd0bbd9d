// The encoder's work between the matrix products, each operation in one pass over memory.
//
// Compiled on first use (compiler.py). Threads are those of the OpenMP runtime that Paddle's products
// use, so that the two never compete for a core. Rows are worked on in pieces of a fixed size, and
// what is random follows from an element's place: results do not depend on the number of threads.

#include "shared.h"

// Rows of a piece in LayerNorm; elements of one in GELU.
#define ROWS 64
#define ELEMENTS 32768

#define ROW_MAJOR 101
#define PLAIN 111
#define TRANSPOSED 112
// MKL's, which Paddle has loaded. Within a parallel region it runs on the calling thread alone.
extern void cblas_sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int,
                        float, float *, int);

// sum += left^T @ right: [rows, height] and [rows, width] to [height, width].
int add_product(long rows, long height, long width, const float *restrict left,
                const float *restrict right, float *restrict sum) {
  cblas_sgemm(ROW_MAJOR, TRANSPOSED, PLAIN, (int)height, (int)width, (int)rows, 1.0f, left,
              (int)height, right, (int)width, 1.0f, sum, (int)width);
  return 0;
}

// copy += (source - copy) * share
int move_towards(long count, float *restrict copy, const float *restrict source, float share) {
  long pieces = (count + ELEMENTS - 1) / ELEMENTS;
#pragma omp parallel for schedule(static) if (count >= PARALLEL)
  for (long piece = 0; piece < pieces; piece++) {
    long end = count - piece * ELEMENTS < ELEMENTS ? count : (piece + 1) * ELEMENTS;
#pragma omp simd
    for (long i = piece * ELEMENTS; i < end; i++) copy[i] += (source[i] - copy[i]) * share;
  }
  return 0;
}

// ---------------------------------------------------------------------------------------------
// GELU, and its derivative where `slope` is wanted.

int gelu(long count, const float *x, float *out, float *slope) {
  long pieces = (count + ELEMENTS - 1) / ELEMENTS, counter = 0;
#pragma omp parallel if (count >= PARALLEL)
  for (long piece; (piece = next_of(&counter)) < pieces;) {
    long start = piece * ELEMENTS;
    long size = count - start < ELEMENTS ? count - start : ELEMENTS;
    gelu_of(x + start, out + start, slope ? slope + start : NULL, size);
  }
  return 0;
}

// Both again for the backward pass: `out` is GELU of x, and `gradient` is multiplied by its derivative.
int gelu_gradient(long count, const float *restrict x, float *restrict out,
                  float *restrict gradient) {
  long pieces = (count + SLOPES - 1) / SLOPES, counter = 0;
#pragma omp parallel if (count >= PARALLEL)
  for (long piece; (piece = next_of(&counter)) < pieces;) {
    float slope[SLOPES];
    long start = piece * SLOPES;
    long size = count - start < SLOPES ? count - start : SLOPES;
    gelu_of(x + start, out + start, slope, size);
#pragma omp simd
    for (long i = 0; i < size; i++) gradient[start + i] *= slope[i];
  }
  return 0;
}

// Where no gradient is wanted: gelu(x @ first + first_bias) @ second + second_bias, some rows at a
// time, so that what lies between the products stays in a core's second cache.
#define BETWEEN 196608

int feed_forward(long rows, long width, long inner, const float *restrict x,
                 const float *restrict first, const float *restrict first_bias,
                 const float *restrict second, const float *restrict second_bias,
                 float *restrict out) {
  long fed = BETWEEN / inner > 16 ? BETWEEN / inner : 16;
  long counter = 0, pieces = (rows + fed - 1) / fed;
  int result = 0;
#pragma omp parallel
  {
    float *between = aligned_alloc(64, ((sizeof(float) * (size_t)(fed * inner) + 63) / 64) * 64);
    if (!between) __atomic_store_n(&result, -1, __ATOMIC_RELAXED);
    for (long piece; between && (piece = next_of(&counter)) < pieces;) {
      long start = piece * fed, count = rows - start < fed ? rows - start : fed;
      float *to = out + start * width;
      for (long i = 0; i < count; i++)
        memcpy(between + i * inner, first_bias, sizeof(float) * (size_t)inner);
      cblas_sgemm(ROW_MAJOR, PLAIN, PLAIN, (int)count, (int)inner, (int)width, 1.0f,
                  x + start * width, (int)width, first, (int)inner, 1.0f, between, (int)inner);
      gelu_of(between, between, NULL, count * inner);
      for (long i = 0; i < count; i++)
        memcpy(to + i * width, second_bias, sizeof(float) * (size_t)width);
      cblas_sgemm(ROW_MAJOR, PLAIN, PLAIN, (int)count, (int)width, (int)inner, 1.0f, between,
                  (int)inner, second, (int)width, 1.0f, to, (int)width);
    }
    free(between);
  }
  return result;
}

// ---------------------------------------------------------------------------------------------
// Cross-entropy of x @ table^T + bias over many classes; `scores` are left with its gradient:
// softmax's probabilities, less 1 at the label. A row of them stays in a core's second cache meanwhile.

int tied_losses(long rows, long width, long classes, const float *restrict x,
                const float *restrict table, const float *restrict bias,
                const int64_t *restrict labels, float *restrict scores, float *restrict losses) {
  long counter = 0;
  cblas_sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, (int)rows, (int)classes, (int)width, 1.0f, x, (int)width,
              table, (int)width, 0.0f, scores, (int)classes);
#pragma omp parallel if (rows * classes >= PARALLEL)
  for (long row; (row = next_of(&counter)) < rows;) {
    float *restrict at = scores + row * classes;
    float most = -INFINITY;
#pragma omp simd reduction(max : most)
    for (long i = 0; i < classes; i++) {
      at[i] += bias[i];
      most = at[i] > most ? at[i] : most;
    }
    float own = at[labels[row]] - most;
    double sum = 0.0; // of a quarter of a million numbers float32 would keep five digits
    for (long start = 0; start < classes; start += SUMMED) {
      long end = classes - start < SUMMED ? classes : start + SUMMED;
      float part = 0.0f;
#pragma omp simd reduction(+ : part)
      for (long i = start; i < end; i++) {
        float value = exponential(at[i] - most);
        at[i] = value;
        part += value;
      }
      sum += part;
    }
    losses[row] = (float)log(sum) - own;
    float scale = (float)(1.0 / sum);
#pragma omp simd
    for (long i = 0; i < classes; i++) at[i] *= scale;
    at[labels[row]] -= 1.0f;
  }
  return 0;
}

// ---------------------------------------------------------------------------------------------
// LayerNorm of dropout(states + added) + residual; nothing is added without `added`.

int residual_norm(long rows, long width, const float *restrict states,
                   const float *restrict added, const float *restrict residual,
                   const float *restrict weight, const float *restrict bias, float epsilon,
                   const Dropout *dropout,
                   float *restrict out, float *restrict normal, float *restrict inverse) {
  long pieces = (rows + ROWS - 1) / ROWS, counter = 0;
#pragma omp parallel if (rows * width >= PARALLEL)
  for (long piece; (piece = next_of(&counter)) < pieces;) {
    uint32_t first = 0, second = 0;
    if (dropout) keys_of(dropout, piece, &first, &second);
    for (long row = piece * ROWS; row < (piece + 1) * ROWS && row < rows; row++) {
      const float *inner = states + row * width, *outer = residual + row * width;
      float *total = normal ? normal + row * width : out + row * width, *to = out + row * width;
      const float *dropped = inner;
      if (added) {
#pragma omp simd
        for (long i = 0; i < width; i++) total[i] = inner[i] + added[i];
        dropped = total;
      }
      if (dropout) {
        drop(total, dropped, width, (uint32_t)((row - piece * ROWS) * width), first, second, dropout);
        dropped = total;
      }
      float sum = 0.0f, squares = 0.0f;
#pragma omp simd reduction(+ : sum)
      for (long i = 0; i < width; i++) {
        float value = dropped[i] + outer[i];
        total[i] = value;
        sum += value;
      }
      float mean = sum / (float)width;
#pragma omp simd reduction(+ : squares)
      for (long i = 0; i < width; i++) {
        float value = total[i] - mean;
        squares += value * value;
      }
      float scale = 1.0f / sqrtf(squares / (float)width + epsilon);
      if (inverse) inverse[row] = scale;
#pragma omp simd
      for (long i = 0; i < width; i++) {
        float value = (total[i] - mean) * scale;
        if (normal) total[i] = value;
        to[i] = value * weight[i] + bias[i];
      }
    }
  }
  return 0;
}

// Its gradients (Ba et al. 2016, section 3). `sums` [pieces, 2, width] are those of weight and bias,
// to be added up.
int residual_norm_gradient(long rows, long width, const float *restrict gradient,
                            const float *restrict normal, const float *restrict inverse,
                            const float *restrict weight, const Dropout *dropout,
                            float *restrict of_states, float *restrict of_residual,
                            float *restrict sums) {
  long pieces = (rows + ROWS - 1) / ROWS, counter = 0;
#pragma omp parallel if (rows * width >= PARALLEL)
  for (long piece; (piece = next_of(&counter)) < pieces;) {
    uint32_t first = 0, second = 0;
    if (dropout) keys_of(dropout, piece, &first, &second);
    float *restrict of_weight = sums + piece * 2 * width, *restrict of_bias = of_weight + width;
    memset(of_weight, 0, sizeof(float) * 2 * (size_t)width);
    for (long row = piece * ROWS; row < (piece + 1) * ROWS && row < rows; row++) {
      const float *outer = gradient + row * width, *at = normal + row * width;
      float *to = of_residual + row * width;
      float sum = 0.0f, slope = 0.0f;
#pragma omp simd reduction(+ : sum, slope)
      for (long i = 0; i < width; i++) {
        float scaled = outer[i] * weight[i];
        sum += scaled;
        slope += scaled * at[i];
        of_weight[i] += outer[i] * at[i];
        of_bias[i] += outer[i];
      }
      sum /= (float)width;
      slope /= (float)width;
      float scale = inverse[row];
#pragma omp simd
      for (long i = 0; i < width; i++)
        to[i] = (outer[i] * weight[i] - sum - at[i] * slope) * scale;
      if (dropout)
        drop(of_states + row * width, to, width, (uint32_t)((row - piece * ROWS) * width), first,
             second, dropout);
      else
        memcpy(of_states + row * width, to, sizeof(float) * (size_t)width);
    }
  }
  return 0;
}

// ---------------------------------------------------------------------------------------------
// Attention, sequence by sequence and head by head, where the states lie: nothing is copied into
// another layout, and scores live in a core's cache alone (Rabe & Staats 2021, Dao et al. 2022).

// Room of `count` times a tile's scores; NULL without memory.
static float *tiles(const Layout *layout, int count) {
  int stride = stride_of(longest(layout->key_lengths, layout->sequences));
  size_t size = sizeof(float) * QUERIES * (size_t)stride * (size_t)count;
  float *room = aligned_alloc(64, size);
  return room ? memset(room, 0, size) : NULL;
}

// `row_max` and `row_scale` [heads, query tokens] are kept for the gradient. Returns -1 without
// memory for scores.
int attention(const Layout *layout, const float *restrict query, const float *restrict key,
              const float *restrict value, const Dropout *dropout, float *restrict out,
              float *restrict row_max, float *restrict row_scale, long query_tokens) {
  long items = layout->sequences * layout->heads, counter = 0;
  int hidden = (int)(layout->heads * layout->size), size = (int)layout->size, result = 0;
#pragma omp parallel if (work(layout) >= PARALLEL)
  {
    float *scores = tiles(layout, 1);
    if (!scores) __atomic_store_n(&result, -1, __ATOMIC_RELAXED);
    for (long number; scores && (number = next_of(&counter)) < items;) {
      Item item = item_of(layout, dropout, number);
      int keys = (int)item.keys, stride = (int)item.stride;
      for (long tile = 0; tile < item.queries; tile += QUERIES) {
        int rows = (int)(item.queries - tile < QUERIES ? item.queries - tile : QUERIES);
        long at = item.query_at + tile * hidden, kept = item.head * query_tokens + item.start + tile;
        cblas_sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, rows, keys, size, layout->scale, query + at,
                    hidden, key + item.key_at, hidden, 0.0f, scores, stride);
        probabilities_of(scores, rows, keys, stride, item.bias, row_max + kept, row_scale + kept, 0);
        if (dropout)
          drop(scores, scores, (long)rows * stride, (uint32_t)(tile * stride), item.first,
               item.second, dropout);
        cblas_sgemm(ROW_MAJOR, PLAIN, PLAIN, rows, size, keys, 1.0f, scores, stride,
                    value + item.key_at, hidden, 0.0f, out + at, hidden);
      }
    }
    free(scores);
  }
  return result;
}

// The gradients of query, key and value. Probabilities are computed again from what was kept, which
// takes less time than writing and reading them. Softmax's derivative subtracts the mean of its
// gradient, which is outer times context (Dao et al. 2022, appendix B.2).
int attention_gradient(const Layout *layout, const float *restrict query, const float *restrict key,
                       const float *restrict value, const Dropout *dropout,
                       const float *restrict context, const float *restrict gradient,
                       float *restrict row_max, float *restrict row_scale, long query_tokens,
                       float *restrict of_query, float *restrict of_key, float *restrict of_value) {
  long items = layout->sequences * layout->heads, counter = 0;
  int hidden = (int)(layout->heads * layout->size), size = (int)layout->size, result = 0;
#pragma omp parallel if (work(layout) >= PARALLEL)
  {
    float *room = tiles(layout, 3);
    if (!room) __atomic_store_n(&result, -1, __ATOMIC_RELAXED);
    for (long number; room && (number = next_of(&counter)) < items;) {
      Item item = item_of(layout, dropout, number);
      int keys = (int)item.keys, stride = (int)item.stride;
      long key_at = item.key_at;
      float *scores = room, *weights = room + (size_t)QUERIES * stride;
      float *slopes = room + 2 * (size_t)QUERIES * stride;
      if (!item.queries) // nothing is asked of it: no tile below writes what its keys learn
        for (int row = 0; row < keys; row++) {
          memset(of_key + key_at + (long)row * hidden, 0, sizeof(float) * (size_t)size);
          memset(of_value + key_at + (long)row * hidden, 0, sizeof(float) * (size_t)size);
        }
      for (long tile = 0; tile < item.queries; tile += QUERIES) {
        int rows = (int)(item.queries - tile < QUERIES ? item.queries - tile : QUERIES);
        long at = item.query_at + tile * hidden, kept = item.head * query_tokens + item.start + tile;
        uint32_t place = (uint32_t)(tile * stride);
        float before = tile ? 1.0f : 0.0f;
        cblas_sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, rows, keys, size, layout->scale, query + at,
                    hidden, key + key_at, hidden, 0.0f, scores, stride);
        probabilities_of(scores, rows, keys, stride, item.bias, row_max + kept, row_scale + kept, 1);
        cblas_sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, rows, keys, size, 1.0f, gradient + at, hidden,
                    value + key_at, hidden, 0.0f, slopes, stride);
        const float *used = scores;
        if (dropout) {
          drop(weights, scores, (long)rows * stride, place, item.first, item.second, dropout);
          drop(slopes, slopes, (long)rows * stride, place, item.first, item.second, dropout);
          used = weights;
        }
        cblas_sgemm(ROW_MAJOR, TRANSPOSED, PLAIN, keys, size, rows, 1.0f, used, stride, gradient + at,
                    hidden, before, of_value + key_at, hidden);
        for (long row = 0; row < rows; row++) {
          const float *outer = gradient + at + row * hidden, *inner = context + at + row * hidden;
          float mean = 0.0f, *restrict slope = slopes + row * stride;
          const float *restrict probability = scores + row * stride;
#pragma omp simd reduction(+ : mean)
          for (int i = 0; i < size; i++) mean += outer[i] * inner[i];
#pragma omp simd
          for (int i = 0; i < keys; i++) slope[i] = (slope[i] - mean) * probability[i];
        }
        cblas_sgemm(ROW_MAJOR, PLAIN, PLAIN, rows, size, keys, layout->scale, slopes, stride,
                    key + key_at, hidden, 0.0f, of_query + at, hidden);
        cblas_sgemm(ROW_MAJOR, TRANSPOSED, PLAIN, keys, size, rows, layout->scale, slopes, stride,
                    query + at, hidden, before, of_key + key_at, hidden);
      }
    }
    free(room);
  }
  return result;
}
