// SPDX-License-Identifier: Apache-2.0
// The inner loops of the networks: what Swift can neither dispatch by CPU at run time nor compile
// for more than one CPU in one program. Every function is there once for each level and does the
// same arithmetic in the same order for any split of its rows or columns over threads.
//
// Matrices are row-major; a stride is the distance between rows in elements. Weights are packed in
// panels of `panel_width` columns: [panel][inner][panel_width], the last panel padded with zeros.
#ifndef CHAINRULE_CKERNELS_H
#define CHAINRULE_CKERNELS_H

#pragma clang assume_nonnull begin

/// Instruction sets in rising order. Arm and others have the baseline only.
enum kernel_level { kernel_baseline = 0, kernel_avx2 = 1, kernel_avx512 = 2 };

/// The squashing function of an Elman cell.
enum kernel_activation { kernel_tanh = 0, kernel_logistic = 1, kernel_relu = 2 };

/// One step's constants of Adam (Kingma & Ba 2015, algorithm 1), epsilon placed as in PyTorch.
struct kernel_adam {
  float gradient_scale;  // from clipping
  float decay_gradient;  // L2 penalty added to the gradient: Adam
  float decay_weight;    // factor on the weight before the step: AdamW, else 1
  float mean_decay, square_decay;
  float rate;            // step size / (1 - mean_decay^t)
  float square_scale;    // 1 / sqrt(1 - square_decay^t)
  float epsilon;
};

struct kernel_table {
  int level;
  long panel_width;

  /// Packs columns of b [inner, columns].
  void (*pack_rows)(const float *b, long stride, long inner, long columns, float *panels);
  /// Packs columns of the transpose of b [columns, inner], which is how weights are stored.
  void (*pack_transposed)(const float *b, long stride, long inner, long columns, float *panels);
  /// c [rows, columns] = start + a [rows, inner] x panels. `start` is null for zero, c itself to
  /// add to it, or with a stride of 0 one row for all.
  void (*product)(const float *a, long a_stride, const float *panels,
                  const float *_Nullable start, long start_stride, float *c, long c_stride,
                  long rows, long columns, long inner);
  /// The same with the transpose of a [inner, rows].
  void (*product_transposed)(const float *a, long a_stride, const float *panels,
                             const float *_Nullable start, long start_stride, float *c,
                             long c_stride, long rows, long columns, long inner);

  /// gates [rows, 4 units] hold i, f, g, o before activation and after it on return;
  /// cell, hidden [rows, units] are dense; cell_before is the state before the step.
  void (*lstm_forward)(float *gates, const float *cell_before, float *cell, float *hidden,
                       long rows, long units);
  /// gates become the gradient before activation, d_cell that of the state before the step.
  void (*lstm_backward)(float *gates, const float *cell_before, const float *cell,
                        const float *d_hidden, float *d_cell, long rows, long units);
  /// gates [rows, 4 units] hold r, z, W_hn h + b_hn, and the input's share of n.
  void (*gru_forward)(float *gates, const float *hidden_before, float *hidden, long rows,
                      long units);
  /// d_hidden becomes the part of the gradient of the state before that bypasses the weights.
  void (*gru_backward)(float *gates, const float *hidden_before, float *d_hidden, long rows,
                       long units);
  /// hidden [count] = activation(gates); the activated value is not kept in gates.
  void (*elman_forward)(const float *gates, float *hidden, long count, int activation);
  void (*elman_backward)(float *gates, const float *hidden, const float *d_hidden, long count,
                         int activation);

  /// Turns logits into log-probabilities in place; returns log sum exp.
  double (*log_softmax)(float *row, long count);
  /// Turns logits into scale x (softmax - one-hot of target); returns -log p(target), nats.
  double (*softmax_gradient)(float *row, long count, long target, float scale);
  /// -log p(target), nats; the row stays as it is.
  double (*cross_entropy)(const float *row, long count, long target);

  /// y += scale x
  void (*add_scaled)(float *y, const float *x, float scale, long count);
  /// y *= x
  void (*multiply)(float *y, const float *x, long count);
  /// Sum of squares; float lanes over blocks of 4096, double over the blocks.
  double (*square_sum)(const float *x, long count);
  void (*adam)(float *weight, const float *gradient, float *mean, float *square, long count,
               const struct kernel_adam *constants);
  /// velocity = momentum velocity + scale gradient + decay weight; weight -= rate velocity.
  /// A null velocity stands for no momentum.
  void (*sgd)(float *weight, const float *gradient, float *_Nullable velocity,
              long count, float gradient_scale, float decay, float momentum, float rate);
};

/// Tells the core that the thread waits for another one.
static inline void kernel_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// The kernels of a level, or null when this CPU or architecture lacks it.
const struct kernel_table *_Nullable kernels_at(int level);

#pragma clang assume_nonnull end

#endif
