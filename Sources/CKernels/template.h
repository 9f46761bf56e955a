// SPDX-License-Identifier: Apache-2.0
// The kernels, written once over vectors of WIDTH floats and compiled once for each level.
// The including file defines WIDTH, ROWS (height of the register tile), LEVEL, TABLE, and
// INTERLEAVE_LOW and INTERLEAVE_HIGH (shuffle indices), and sets the target.
// `a * b + c` is one fused operation where the target has it; nothing else is reassociated.

#include <math.h>
#include <string.h>
#include "CKernels.h"

typedef float vec __attribute__((vector_size(4 * WIDTH), aligned(4)));
typedef int mask __attribute__((vector_size(4 * WIDTH), aligned(4)));

#define INLINE static inline __attribute__((always_inline))
#define PANEL (2 * WIDTH)
#define UNROLL _Pragma("clang loop unroll(full)")

INLINE vec all(float x) { return x - (vec){}; }

/// `left` floats from p, zeros after them. With a constant `left` of WIDTH this is one load.
INLINE vec load(const float *p, long left) {
  if (left >= WIDTH) return *(const vec *)p;
  vec v = {};
  memcpy(&v, p, left * sizeof(float));
  return v;
}

INLINE void store(float *p, vec v, long left) {
  if (left >= WIDTH) *(vec *)p = v;
  else memcpy(p, &v, left * sizeof(float));
}

/// Runs `body` with u, left for every vector of a row of n: full ones first, then the remainder.
#define FOR_EACH_VECTOR(n, ...)                                        \
  do {                                                                 \
    long u = 0;                                                        \
    for (; u + WIDTH <= (n); u += WIDTH) { const long left = WIDTH; __VA_ARGS__ } \
    if (u < (n)) { const long left = (n) - u; __VA_ARGS__ }            \
  } while (0)

INLINE vec select(mask m, vec a, vec b) { return (vec)((m & (mask)a) | (~m & (mask)b)); }

INLINE double lane_sum(vec v) {
  double sum = 0;
  for (int i = 0; i < WIDTH; i++) sum += v[i];
  return sum;
}

// MARK: elementary functions

/// e^x within 2 ulp for x <= 88.7 (larger x as 88.7), 0 below -87.3; NaN stays NaN.
/// x = n ln 2 + r with |r| <= ln 2 / 2; adding 1.5 x 2^23 rounds to n and leaves it in the low
/// bits.
INLINE vec exponential(vec x) {
  const mask vanishes = x < all(-87.33f);
  x = select(vanishes, all(-87.33f), x);
  x = select(x > all(88.7f), all(88.7f), x);
  const vec shifted = x * all(1.44269504f) + all(12582912.0f);
  const vec n = shifted - all(12582912.0f);
  vec r = n * all(-0.693145752f) + x;
  r = n * all(-1.42860677e-6f) + r;
  vec p = all(1.0f / 720);
  p = p * r + all(1.0f / 120);
  p = p * r + all(1.0f / 24);
  p = p * r + all(1.0f / 6);
  p = p * r + all(0.5f);
  p = p * r + all(1.0f);
  p = p * r + all(1.0f);
  const vec scaled = (vec)((mask)p + ((mask)shifted << 23));
  return select(vanishes, all(0), scaled);
}

INLINE vec logistic(vec x) { return all(1) / (all(1) + exponential(-x)); }

/// Absolute error 2e-7.
INLINE vec hyperbolic_tangent(vec x) {
  return all(1) - all(2) / (all(1) + exponential(x + x));
}

// MARK: packing

static void pack_rows(const float *b, long stride, long inner, long columns, float *panels) {
  for (long j = 0; j < columns; j += PANEL, panels += inner * PANEL)
    for (long k = 0; k < inner; k++) {
      float *out = panels + k * PANEL;
      const float *in = b + k * stride + j;
      store(out, load(in, columns - j), WIDTH);
      const long rest = columns - j - WIDTH;
      store(out + WIDTH, rest > 0 ? load(in + WIDTH, rest) : all(0), WIDTH);
    }
}

/// Transposes WIDTH x WIDTH floats: log2(WIDTH) perfect shuffles of the rows' lanes.
INLINE void transpose(vec rows[WIDTH]) {
  UNROLL for (int stage = 1; stage < WIDTH; stage *= 2) {
    vec next[WIDTH];
    UNROLL for (int i = 0; i < WIDTH / 2; i++) {
      next[2 * i] = __builtin_shufflevector(rows[i], rows[i + WIDTH / 2], INTERLEAVE_LOW);
      next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + WIDTH / 2], INTERLEAVE_HIGH);
    }
    UNROLL for (int i = 0; i < WIDTH; i++) rows[i] = next[i];
  }
}

static void pack_transposed(const float *b, long stride, long inner, long columns,
                            float *panels) {
  for (long j = 0; j < columns; j += WIDTH) {
    float *out = panels + j / PANEL * PANEL * inner + j % PANEL;
    for (long k = 0; k < inner; k += WIDTH) {
      const long left = inner - k < WIDTH ? inner - k : WIDTH;
      vec block[WIDTH];
      UNROLL for (int i = 0; i < WIDTH; i++)
        block[i] = j + i < columns ? load(b + (j + i) * stride + k, left) : all(0);
      transpose(block);
      for (long i = 0; i < left; i++) store(out + (k + i) * PANEL, block[i], WIDTH);
    }
  }
  if (columns % PANEL != 0 && columns % PANEL <= WIDTH) {
    float *out = panels + columns / PANEL * PANEL * inner + WIDTH;
    for (long k = 0; k < inner; k++) store(out + k * PANEL, all(0), WIDTH);
  }
}

// MARK: products

/// One register tile: `height` rows of one panel, from a block of a, [inner][height]. Each sum runs over
/// the inner index in order in one lane, and `start` is added to it, so its bits do not depend on the
/// tile that it falls into. Meanwhile what lies `ahead` is fetched, `step` bytes further each time.
INLINE void tile(int height, const float *block, const float *panel, const float *start,
                 long start_stride, float *c, long c_stride, long columns, long inner,
                 const char *ahead, long step) {
  const int second = columns > WIDTH;
  vec sum[ROWS][2];
  UNROLL for (int i = 0; i < height; i++) {
    if (start) __builtin_prefetch(start + i * start_stride);
    sum[i][0] = sum[i][1] = all(0);
  }
  for (long k = 0; k < inner; k++, block += height, panel += PANEL, ahead += step) {
    // For reading, to the second level: the first is full of what is in use.
    __builtin_prefetch(ahead, 0, 2);
    const vec b0 = *(const vec *)panel, b1 = *(const vec *)(panel + WIDTH);
    UNROLL for (int i = 0; i < height; i++) {
      const vec x = all(block[i]);
      sum[i][0] = x * b0 + sum[i][0];
      sum[i][1] = x * b1 + sum[i][1];
    }
  }
  UNROLL for (int i = 0; i < height; i++) {
    if (start) {
      const float *from = start + i * start_stride;
      sum[i][0] += load(from, columns);
      if (second) sum[i][1] += load(from + WIDTH, columns - WIDTH);
    }
    store(c + i * c_stride, sum[i][0], columns);
    if (second) store(c + i * c_stride + WIDTH, sum[i][1], columns - WIDTH);
  }
}

/// The tile of that height. A full panel sees a constant width: plain loads and stores.
static void tile_of(int height, const float *block, const float *panel, const float *start,
                    long start_stride, float *c, long c_stride, long columns, long inner,
                    const char *ahead, long step) {
#define TILE(h)                                                                           \
  case h:                                                                                 \
    if (columns >= PANEL)                                                                 \
      tile(h, block, panel, start, start_stride, c, c_stride, PANEL, inner, ahead, step); \
    else                                                                                  \
      tile(h, block, panel, start, start_stride, c, c_stride, columns, inner, ahead, step); \
    break;
  switch (height) {
    TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if ROWS > 6
    TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#endif
  }
}

/// Depth of a block of a: with a panel's part it stays in the first-level cache.
/// Blocks that are copied at once: a panel's part is read from further away once for all of them.
enum { DEPTH = 256, STRIPS = 16 };

/// Copies `height` rows of a, `depth` elements of each, to [depth][height]; writes WIDTH past it.
static void copy_rows(const float *a, long stride, int height, long depth, float *block) {
  for (int i = 0; i < height; i += WIDTH)
    for (long k = 0; k < depth; k += WIDTH) {
      const long left = depth - k < WIDTH ? depth - k : WIDTH;
      vec lanes[WIDTH];
      UNROLL for (int j = 0; j < WIDTH; j++)
        lanes[j] = i + j < height ? load(a + (i + j) * stride + k, left) : all(0);
      transpose(lanes);
      for (long j = 0; j < left; j++) {
        float *out = block + (k + j) * height + i;
        // In order of k, so that what a store writes too much the next one overwrites.
        store(out, lanes[j], i == 0 ? WIDTH : height - i);
      }
    }
}

/// One row: four panels at a time keep enough sums in flight to be bound by memory alone. Sums are those
/// of a tile, block by block.
static void product_of_row(const float *a, const float *panels, const float *start, float *c,
                           long columns, long inner) {
  const long panel_size = inner * PANEL;
  for (; columns > 0; columns -= 4 * PANEL, panels += 4 * panel_size, c += 4 * PANEL) {
    const float *from = start;
    for (long k = 0; k == 0 || k < inner; k += DEPTH, from = c) {
      const long depth = inner - k < DEPTH ? inner - k : DEPTH;
      const float *panel = panels + k * PANEL;
      if (columns < 4 * PANEL) {
        for (long j = 0; j < columns; j += PANEL, panel += panel_size)
          tile_of(1, a + k, panel, from ? from + j : 0, 0, c + j, 0, columns - j, depth,
                  (const char *)panel, 0);
        continue;
      }
      vec sum[8];
      UNROLL for (int i = 0; i < 8; i++) sum[i] = all(0);
      for (long l = 0; l < depth; l++, panel += PANEL) {
        const vec x = all(a[k + l]);
        UNROLL for (int i = 0; i < 8; i++)
          sum[i] = x * load(panel + i / 2 * panel_size + i % 2 * WIDTH, WIDTH) + sum[i];
      }
      UNROLL for (int i = 0; i < 8; i++) {
        if (from) sum[i] += load(from + i * WIDTH, WIDTH);
        store(c + i * WIDTH, sum[i], WIDTH);
      }
    }
    if (start) start += 4 * PANEL;
  }
}

/// Height of the next tile, so that `rows` are spread evenly over as few tiles as hold them.
INLINE int next_height(long rows) {
  const long tiles = (rows + ROWS - 1) / ROWS;
  return (int)((rows + tiles - 1) / tiles);
}

/// Panels outside, strips inside: a panel's part stays in the first-level cache while all strips pass, and
/// they fetch the next one.
INLINE void product_of(int is_transposed, const float *a, long a_stride, const float *panels,
                       const float *start, long start_stride, float *c, long c_stride, long rows,
                       long columns, long inner) {
  float blocks[STRIPS][DEPTH * ROWS + WIDTH];
  while (rows > 0) {
    int heights[STRIPS], strips = 0;
    long sum = 0;
    for (; strips < STRIPS && sum < rows; sum += heights[strips++])
      heights[strips] = next_height(rows - sum);
    const float *from = start;
    long from_stride = start_stride;
    for (long k = 0; k == 0 || k < inner; k += DEPTH, from = c, from_stride = c_stride) {
      const long depth = inner - k < DEPTH ? inner - k : DEPTH;
      if (is_transposed)
        // Row by row of a: neighbours share cache lines and pages. The next pages are fetched early.
        for (long i = 0; i < depth; i++) {
          const float *in = a + (k + i) * a_stride;
          for (long j = 0; j < sum && i + 16 < depth; j += 16)
            __builtin_prefetch(in + 16 * a_stride + j);
          for (long s = 0, row = 0; s < strips; row += heights[s++])
            for (int j = 0; j < heights[s]; j += WIDTH)
              store(blocks[s] + i * heights[s] + j, load(in + row + j, rows - row - j), WIDTH);
        }
      else
        for (long s = 0, row = 0; s < strips; row += heights[s++])
          copy_rows(a + row * a_stride + k, a_stride, heights[s], depth, blocks[s]);
      for (long j = 0; j < columns; j += PANEL) {
        const float *panel = panels + j * inner + k * PANEL;
        const float *next = panel + (columns - j > PANEL ? inner * PANEL : 0);
        const long step = PANEL * sizeof(float) / strips;
        for (long s = 0, row = 0; s < strips; row += heights[s++])
          tile_of(heights[s], blocks[s], panel, from ? from + row * from_stride + j : 0,
                  from_stride, c + row * c_stride + j, c_stride, columns - j, depth,
                  (const char *)next + s * step * depth, step);
      }
    }
    a += is_transposed ? sum : sum * a_stride;
    c += sum * c_stride, rows -= sum;
    if (start) start += sum * start_stride;
  }
}

static void product(const float *a, long a_stride, const float *panels, const float *start,
                    long start_stride, float *c, long c_stride, long rows, long columns,
                    long inner) {
  if (rows == 1) product_of_row(a, panels, start, c, columns, inner);
  else
    product_of(0, a, a_stride, panels, start, start_stride, c, c_stride, rows, columns, inner);
}

static void product_transposed(const float *a, long a_stride, const float *panels,
                               const float *start, long start_stride, float *c, long c_stride,
                               long rows, long columns, long inner) {
  product_of(1, a, a_stride, panels, start, start_stride, c, c_stride, rows, columns, inner);
}

// MARK: cells

static void lstm_forward(float *gates, const float *cell_before, float *cell, float *hidden,
                         long rows, long units) {
  for (long row = 0; row < rows; row++) {
    float *g = gates + row * 4 * units;
    const long base = row * units;
    FOR_EACH_VECTOR(units, {
      const vec in = logistic(load(g + u, left));
      const vec forget = logistic(load(g + units + u, left));
      const vec new = hyperbolic_tangent(load(g + 2 * units + u, left));
      const vec out = logistic(load(g + 3 * units + u, left));
      const vec state = forget * load(cell_before + base + u, left) + in * new;
      store(g + u, in, left);
      store(g + units + u, forget, left);
      store(g + 2 * units + u, new, left);
      store(g + 3 * units + u, out, left);
      store(cell + base + u, state, left);
      store(hidden + base + u, out * hyperbolic_tangent(state), left);
    });
  }
}

static void lstm_backward(float *gates, const float *cell_before, const float *cell,
                          const float *d_hidden, float *d_cell, long rows, long units) {
  const vec one = all(1);
  for (long row = 0; row < rows; row++) {
    float *g = gates + row * 4 * units;
    const long base = row * units;
    FOR_EACH_VECTOR(units, {
      const vec in = load(g + u, left), forget = load(g + units + u, left);
      const vec new = load(g + 2 * units + u, left), out = load(g + 3 * units + u, left);
      const vec squashed = hyperbolic_tangent(load(cell + base + u, left));
      const vec d_h = load(d_hidden + base + u, left);
      const vec d_c = d_h * out * (one - squashed * squashed) + load(d_cell + base + u, left);
      store(g + u, d_c * new * (in * (one - in)), left);
      store(g + units + u, d_c * load(cell_before + base + u, left) * (forget * (one - forget)),
            left);
      store(g + 2 * units + u, d_c * in * (one - new * new), left);
      store(g + 3 * units + u, d_h * squashed * (out * (one - out)), left);
      store(d_cell + base + u, d_c * forget, left);
    });
  }
}

static void gru_forward(float *gates, const float *hidden_before, float *hidden, long rows,
                        long units) {
  for (long row = 0; row < rows; row++) {
    float *g = gates + row * 4 * units;
    const long base = row * units;
    FOR_EACH_VECTOR(units, {
      const vec reset = logistic(load(g + u, left));
      const vec update = logistic(load(g + units + u, left));
      const vec recurrent = load(g + 2 * units + u, left);
      const vec new = hyperbolic_tangent(reset * recurrent + load(g + 3 * units + u, left));
      store(g + u, reset, left);
      store(g + units + u, update, left);
      store(g + 3 * units + u, new, left);
      store(hidden + base + u,
            update * (load(hidden_before + base + u, left) - new) + new, left);
    });
  }
}

static void gru_backward(float *gates, const float *hidden_before, float *d_hidden, long rows,
                         long units) {
  const vec one = all(1);
  for (long row = 0; row < rows; row++) {
    float *g = gates + row * 4 * units;
    const long base = row * units;
    FOR_EACH_VECTOR(units, {
      const vec reset = load(g + u, left), update = load(g + units + u, left);
      const vec recurrent = load(g + 2 * units + u, left), new = load(g + 3 * units + u, left);
      const vec d_h = load(d_hidden + base + u, left);
      const vec d_new = d_h * (one - update) * (one - new * new);
      const vec change = load(hidden_before + base + u, left) - new;
      store(g + u, d_new * recurrent * (reset * (one - reset)), left);
      store(g + units + u, d_h * change * (update * (one - update)), left);
      store(g + 2 * units + u, d_new * reset, left);
      store(g + 3 * units + u, d_new, left);
      store(d_hidden + base + u, d_h * update, left);
    });
  }
}

static void elman_forward(const float *gates, float *hidden, long count, int activation) {
  FOR_EACH_VECTOR(count, {
    const vec x = load(gates + u, left);
    vec y;
    if (activation == kernel_tanh) y = hyperbolic_tangent(x);
    else if (activation == kernel_logistic) y = logistic(x);
    else y = select(x < all(0), all(0), x);
    store(hidden + u, y, left);
  });
}

static void elman_backward(float *gates, const float *hidden, const float *d_hidden, long count,
                           int activation) {
  FOR_EACH_VECTOR(count, {
    const vec y = load(hidden + u, left), d_y = load(d_hidden + u, left);
    vec d_x;
    if (activation == kernel_tanh) d_x = d_y * (all(1) - y * y);
    else if (activation == kernel_logistic) d_x = d_y * (y * (all(1) - y));
    else d_x = select(y > all(0), d_y, all(0));
    store(gates + u, d_x, left);
  });
}

// MARK: softmax

/// The maximum is subtracted before e^x, which overflows above 88. NaN anywhere gives NaN.
INLINE float largest(const float *row, long count) {
  vec most = all(-INFINITY);
  mask unordered = {};
  FOR_EACH_VECTOR(count, {
    vec x = load(row + u, left);
    if (left < WIDTH)
      for (long i = left; i < WIDTH; i++) x[i] = -INFINITY;
    unordered |= x != x;
    most = select(x > most, x, most);
  });
  float result = -INFINITY;
  for (int i = 0; i < WIDTH; i++) {
    if (unordered[i]) return NAN;
    if (most[i] > result) result = most[i];
  }
  return result;
}

/// Sum of e^(x - most), also stored where `out` is given. Lanes are added in double.
INLINE double exponential_sum(const float *row, float *out, long count, float most) {
  vec sum = all(0);
  double total = 0;
  long u = 0;
  for (; u + WIDTH <= count; u += WIDTH) {
    const vec e = exponential(load(row + u, WIDTH) - all(most));
    if (out) store(out + u, e, WIDTH);
    sum += e;
  }
  if (u < count) {
    const vec e = exponential(load(row + u, count - u) - all(most));
    if (out) store(out + u, e, count - u);
    for (long i = 0; i < count - u; i++) total += e[i];
  }
  return total + lane_sum(sum);
}

static double log_softmax(float *row, long count) {
  const float most = largest(row, count);
  const double normalizer = most + log(exponential_sum(row, 0, count, most));
  const vec shift = all((float)normalizer);
  FOR_EACH_VECTOR(count, { store(row + u, load(row + u, left) - shift, left); });
  return normalizer;
}

static double softmax_gradient(float *row, long count, long target, float scale) {
  const float most = largest(row, count);
  const double logit = row[target];
  const double sum = exponential_sum(row, row, count, most);
  const vec factor = all((float)(scale / sum));
  FOR_EACH_VECTOR(count, { store(row + u, load(row + u, left) * factor, left); });
  row[target] -= scale;
  return most + log(sum) - logit;
}

static double cross_entropy(const float *row, long count, long target) {
  const float most = largest(row, count);
  return most + log(exponential_sum(row, 0, count, most)) - row[target];
}

// MARK: vectors

static void add_scaled(float *y, const float *x, float scale, long count) {
  FOR_EACH_VECTOR(count,
                  { store(y + u, all(scale) * load(x + u, left) + load(y + u, left), left); });
}

static void multiply(float *y, const float *x, long count) {
  FOR_EACH_VECTOR(count, { store(y + u, load(y + u, left) * load(x + u, left), left); });
}

static double square_sum(const float *x, long count) {
  enum { block = 4096 };
  double total = 0;
  for (long start = 0; start < count; start += block) {
    vec sum = all(0);
    FOR_EACH_VECTOR((count - start < block ? count - start : block), {
      const vec v = load(x + start + u, left);
      sum = v * v + sum;
    });
    total += lane_sum(sum);
  }
  return total;
}

static void adam(float *weight, const float *gradient, float *mean, float *square, long count,
                 const struct kernel_adam *k) {
  const vec new_mean = all(1 - k->mean_decay), new_square = all(1 - k->square_decay);
  FOR_EACH_VECTOR(count, {
    const vec w = load(weight + u, left);
    const vec g = load(gradient + u, left) * all(k->gradient_scale) + w * all(k->decay_gradient);
    const vec m = all(k->mean_decay) * load(mean + u, left) + new_mean * g;
    const vec s = all(k->square_decay) * load(square + u, left) + new_square * (g * g);
    const vec width = __builtin_elementwise_sqrt(s) * all(k->square_scale) + all(k->epsilon);
    store(mean + u, m, left);
    store(square + u, s, left);
    store(weight + u, w * all(k->decay_weight) - all(k->rate) * (m / width), left);
  });
}

static void sgd(float *weight, const float *gradient, float *velocity, long count,
                float gradient_scale, float decay, float momentum, float rate) {
  FOR_EACH_VECTOR(count, {
    const vec w = load(weight + u, left);
    vec v = load(gradient + u, left) * all(gradient_scale) + w * all(decay);
    if (velocity) {
      v = load(velocity + u, left) * all(momentum) + v;
      store(velocity + u, v, left);
    }
    store(weight + u, w - all(rate) * v, left);
  });
}

const struct kernel_table TABLE = {
    LEVEL,         PANEL,        pack_rows,    pack_transposed, product,
    product_transposed, lstm_forward, lstm_backward, gru_forward, gru_backward,
    elman_forward, elman_backward, log_softmax, softmax_gradient, cross_entropy,
    add_scaled,    multiply,     square_sum,   adam,            sgd,
};
