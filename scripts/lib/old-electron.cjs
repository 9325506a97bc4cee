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
    copy[index] = value;
    return copy;
  });
  add(String.prototype, 'at', at);
  add(String.prototype, 'replaceAll', function (what, by) {
    return what instanceof RegExp
      ? this.replace(what, by)
      : this.split(what).join(typeof by === 'function' ? by(what) : by);
  });
  add(Object, 'hasOwn', function (object, name) {
    return Object.prototype.hasOwnProperty.call(object, name);
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
  add(global, 'structuredClone', function (value) {
    return JSON.parse(JSON.stringify(value));
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
