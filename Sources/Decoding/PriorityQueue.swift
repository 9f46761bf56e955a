// SPDX-License-Identifier: Apache-2.0

/// A binary heap that gives back what precedes all else.
struct PriorityQueue<Element> {
  private(set) var elements: [Element] = []
  private let precedes: (Element, Element) -> Bool

  init(by precedes: @escaping (Element, Element) -> Bool) { self.precedes = precedes }

  var count: Int { elements.count }
  var first: Element? { elements.first }

  mutating func push(_ element: Element) {
    elements.append(element)
    var child = elements.count - 1
    while child > 0, precedes(elements[child], elements[(child - 1) / 2]) {
      elements.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Element? {
    guard let first, let last = elements.popLast() else { return nil }
    if !elements.isEmpty { replaceFirst(with: last) }
    return first
  }

  /// Takes the first element out and puts `element` in.
  mutating func replaceFirst(with element: Element) {
    elements[0] = element
    var parent = 0
    while true {
      var first = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < elements.count {
        if precedes(elements[child], elements[first]) { first = child }
      }
      if first == parent { return }
      elements.swapAt(parent, first)
      parent = first
    }
  }
}

/// The best of many elements, found with a heap of as many as are wanted.
struct Best<Element> {
  private let capacity: Int
  private let precedes: (Element, Element) -> Bool
  /// The worst of those kept comes first.
  private var kept: PriorityQueue<Element>

  init(_ capacity: Int, by precedes: @escaping (Element, Element) -> Bool) {
    self.capacity = capacity
    self.precedes = precedes
    kept = PriorityQueue { precedes($1, $0) }
  }

  /// The worst of those kept, once there are as many as wanted.
  var worst: Element? { kept.count < capacity ? nil : kept.first }

  mutating func offer(_ element: Element) {
    if kept.count < capacity {
      kept.push(element)
    } else if let worst = kept.first, precedes(element, worst) {
      kept.replaceFirst(with: element)
    }
  }

  /// Those kept, best first.
  func sorted() -> [Element] { kept.elements.sorted(by: precedes) }
}
