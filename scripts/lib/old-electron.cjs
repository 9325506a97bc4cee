/* What Electron 9 (Chromium 83, Node 12) lacks. Put before every chunk of the build for it: does nothing twice. */
(function (global) {
  function add(target, name, value) {
    if (target && !(name in target))
      Object.defineProperty(target, name, { value: value, writable: true, configurable: true });
  }
  function at(index) {
    return this[index < 0 ? this.length + index : index];
  }
  function findLastIndex(test, self) {
    for (var i = this.length - 1; i >= 0; i--) if (test.call(self, this[i], i, this)) return i;
    return -1;
  }
  var arrays = [Array.prototype, Object.getPrototypeOf(Uint8Array.prototype)];
  arrays.forEach(function (prototype) {
    add(prototype, 'at', at);
    add(prototype, 'findLastIndex', findLastIndex);
    add(prototype, 'findLast', function (test, self) {
      return this[findLastIndex.call(this, test, self)];
    });
    add(prototype, 'toSorted', function (compare) {
      return this.slice().sort(compare);
    });
    add(prototype, 'toReversed', function () {
      return this.slice().reverse();
    });
  });
  add(Array.prototype, 'with', function (index, value) {
    var copy = this.slice();
    copy[index < 0 ? copy.length + index : index] = value;
    return copy;
  });
  add(String.prototype, 'at', at);
  add(String.prototype, 'replaceAll', function (what, by) {
    var all =
      what instanceof RegExp ? what : new RegExp(String(what).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'g');
    return this.replace(all, by);
  });
  // Half a surrogate pair becomes the replacement character.
  add(String.prototype, 'toWellFormed', function () {
    return this.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, function (found) {
      return found.length === 2 ? found : '\uFFFD';
    });
  });
  add(Object, 'hasOwn', function (object, name) {
    return Object.prototype.hasOwnProperty.call(object, name);
  });
  add(Object, 'groupBy', function (items, keyOf) {
    var groups = Object.create(null);
    var i = 0;
    for (var item of items) {
      var key = keyOf(item, i++);
      (groups[key] = groups[key] || []).push(item);
    }
    return groups;
  });
  add(Map, 'groupBy', function (items, keyOf) {
    var groups = new Map();
    for (var item of items) {
      var key = keyOf(item);
      if (groups.has(key)) groups.get(key).push(item);
      else groups.set(key, [item]);
    }
    return groups;
  });
  function clone(value, seen) {
    if (value === null || typeof value !== 'object') {
      if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError('cannot be cloned');
      return value;
    }
    if (seen.has(value)) return seen.get(value);
    if (value instanceof Date) return new Date(value);
    if (value instanceof ArrayBuffer) return value.slice(0);
    if (ArrayBuffer.isView(value)) return value.slice();
    var copy = Array.isArray(value)
      ? []
      : value instanceof Map
        ? new Map()
        : value instanceof Set
          ? new Set()
          : {};
    seen.set(value, copy);
    if (copy instanceof Map) value.forEach((item, key) => copy.set(clone(key, seen), clone(item, seen)));
    else if (copy instanceof Set) value.forEach((item) => copy.add(clone(item, seen)));
    else Object.keys(value).forEach((key) => (copy[key] = clone(value[key], seen)));
    return copy;
  }
  // Numbers that are not finite, typed arrays, maps and sets come through, as they do in the real one.
  add(global, 'structuredClone', function (value) {
    return clone(value, new Map());
  });
  // What every iterator of a newer engine offers.
  var iterators = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  var lazy = {
    map: function* (change) {
      var i = 0;
      for (var item of this) yield change(item, i++);
    },
    filter: function* (test) {
      var i = 0;
      for (var item of this) if (test(item, i++)) yield item;
    },
    flatMap: function* (change) {
      var i = 0;
      for (var item of this) yield* change(item, i++);
    },
    take: function* (count) {
      if (count <= 0) return;
      for (var item of this) {
        yield item;
        if (--count <= 0) return;
      }
    },
    drop: function* (count) {
      for (var item of this) if (count-- <= 0) yield item;
    },
  };
  Object.keys(lazy).forEach((name) => add(iterators, name, lazy[name]));
  add(iterators, 'toArray', function () {
    return Array.from(this);
  });
  ['some', 'every', 'find', 'forEach', 'reduce'].forEach((name) => {
    add(iterators, name, function () {
      return Array.prototype[name].apply(Array.from(this), arguments);
    });
  });
  add(
    global,
    'WeakRef',
    class {
      constructor(target) {
        this.deref = function () {
          return target;
        };
      }
    },
  );
  add(Promise, 'withResolvers', function () {
    var all = {};
    all.promise = new Promise(function (resolve, reject) {
      all.resolve = resolve;
      all.reject = reject;
    });
    return all;
  });
  if (global.Element)
    add(global.Element.prototype, 'replaceChildren', function () {
      this.textContent = '';
      this.append.apply(this, arguments);
    });
  // Node 12 knows neither the `node:` prefix nor fs/promises.
  if (typeof require !== 'function' || typeof process !== 'object' || process.type === 'renderer') return;
  var loader = require('module');
  if (loader.basin) return;
  loader.basin = true;
  var load = loader._load;
  loader._load = function (request, parent, isMain) {
    var name = request.replace(/^node:/, '');
    if (name === 'fs/promises') return load.call(this, 'fs', parent, isMain).promises;
    if (name === 'stream/promises') {
      return { pipeline: require('util').promisify(require('stream').pipeline) };
    }
    if (name === 'timers/promises') return { setTimeout: require('util').promisify(setTimeout) };
    return load.call(this, name, parent, isMain);
  };
})(typeof globalThis === 'object' ? globalThis : this);
