// SPDX-License-Identifier: Apache-2.0

import Optimization
import Testing

/// Runs `body` on an optimiser of two parameters that minimise (w0 - 3)² + 10 (w1 + 1)².
private func minimise(_ settings: OptimiserSettings, rate: Double, steps: Int) -> [Double] {
  var optimiser = Optimiser<Double>(settings, parameterCount: 2)
  var parameters = [0.0, 0.0]
  var gradient = [0.0, 0.0]
  for _ in 0..<steps {
    gradient = [2 * (parameters[0] - 3), 20 * (parameters[1] + 1)]
    parameters.withUnsafeMutableBufferPointer { parameters in
      gradient.withUnsafeMutableBufferPointer { gradient in
        optimiser.update(parameters, gradient: gradient, rate: rate)
      }
    }
  }
  return parameters
}

@Suite struct OptimizationTests {
  @Test("every method finds the bottom of a bowl", arguments: OptimiserSettings.Method.allCases)
  func bowl(_ method: OptimiserSettings.Method) {
    let rate = method == .adam || method == .adamw ? 0.05 : 0.02
    let found = minimise(OptimiserSettings(method), rate: rate, steps: 3000)
    #expect(abs(found[0] - 3) < 1e-3 && abs(found[1] + 1) < 1e-3)
  }

  @Test("two steps of Adam are those worked out by hand")
  func adamByHand() {
    // Step 1: m/(1-β1) = g and √(v/(1-β2)) = |g|, so each weight moves by the rate.
    let one = minimise(OptimiserSettings(.adam), rate: 0.1, steps: 1)
    #expect(abs(one[0] - 0.1) < 1e-8 && abs(one[1] + 0.1) < 1e-8)
    let two = minimise(OptimiserSettings(.adam), rate: 0.1, steps: 2)
    // g: -6, -5.8; m̂ = (0.9·0.1·-6 + 0.1·-5.8)/0.19; v̂ = (0.999·0.001·36 + 0.001·33.64)/0.001999.
    let mean = (0.09 * -6 + 0.1 * -5.8) / 0.19
    let square = (0.000999 * 36 + 0.001 * 33.64) / 0.001999
    #expect(abs(two[0] - (0.1 - 0.1 * mean / square.squareRoot())) < 1e-8)
  }

  @Test("AdamW shrinks weights beside the step, Adam through the gradient")
  func weightDecay() {
    var settings = OptimiserSettings(.adamw)
    settings.weightDecay = 0.5
    var optimiser = Optimiser<Float>(settings, parameterCount: 1)
    var weights: [Float] = [2]
    var gradient: [Float] = [0]
    weights.withUnsafeMutableBufferPointer { weights in
      gradient.withUnsafeMutableBufferPointer {
        optimiser.update(weights, gradient: $0, rate: 0.1)
      }
    }
    #expect(abs(weights[0] - 1.9) < 1e-6)
  }

  @Test("a clipped gradient has the norm of the limit, a short one is left alone")
  func clipping() {
    var gradient: [Double] = [3, 4, 0, 0, 0, 0, 0, 0, 0, 12]
    let length = gradient.withUnsafeMutableBufferPointer { norm($0) }
    #expect(length == 13)
    #expect(clippingScale(norm: length, limit: 1) * length == 1)
    #expect(clippingScale(norm: length, limit: 20) == 1)
    #expect(clippingScale(norm: length, limit: nil) == 1)
  }

  @Test("schedules rise, fall and wait as they say")
  func schedules() {
    let cosine = Schedule(.cosine, rate: 2, warmUpStepCount: 10)
    #expect(cosine.rate(step: 5, progress: 0) == 1)
    #expect(abs(cosine.rate(step: 50, progress: 0.5) - 1) < 1e-12)
    #expect(abs(cosine.rate(step: 100, progress: 1)) < 1e-12)
    var plateau = Schedule(.plateau, rate: 1)
    plateau.patience = 2
    for loss in [3, 2, 2.5, 2.5, 1.0] { plateau.note(loss: loss) }
    #expect(plateau.rate(step: 1, progress: 0) == 0.5)
  }

  @Test("the mean is that of the steps it covers, and EMA follows")
  func averaging() {
    var mean = Averaging<Double>(.mean(from: 0.5))
    var moving = Averaging<Double>(.exponential(decay: 0.9))
    for step in 1...10 {
      var weights = [Double(step)]
      weights.withUnsafeMutableBufferPointer {
        mean.update(with: $0, progress: Double(step) / 10)
        moving.update(with: $0, progress: Double(step) / 10)
      }
    }
    #expect(abs(mean.average[0] - 7.5) < 1e-12)
    #expect(moving.average[0] > 8 && moving.average[0] < 10)
  }
}
