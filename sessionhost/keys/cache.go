package keys

// cache holds decoded values by sort key. A nil value says that there is none.
// Pinned values stay; of the other classes the least recently used go first.
type cache struct {
	pinned map[string][]byte
	recent map[string]*entry
	lists  [classes]list
	evict  func(sort string)
}

// list is a ring of entries of one class, latest first.
type list struct {
	root         entry
	count, bytes int
	counts, room int // limits
}

type entry struct {
	sort       string
	value      []byte
	class      class
	prev, next *entry
}

// entryCost is what an entry takes beside its value and key, about: the struct,
// its place in the map, the slices' headers.
const entryCost = 160

func newCache(options Options, evict func(sort string)) *cache {
	c := &cache{evict: evict}
	c.lists[ratchets].counts, c.lists[ratchets].room = options.Sessions, options.SessionBytes
	c.lists[facts].counts, c.lists[facts].room = options.facts, factBytes
	c.clear()
	return c
}

func (c *cache) clear() {
	c.pinned = make(map[string][]byte)
	c.recent = make(map[string]*entry)
	for i := range c.lists {
		l := &c.lists[i]
		l.count, l.bytes = 0, 0
		l.root.prev, l.root.next = &l.root, &l.root
	}
}

func (c *cache) get(sort string) ([]byte, bool) {
	if classOf(sort) == pinned {
		value, ok := c.pinned[sort]
		return value, ok
	}
	e, ok := c.recent[sort]
	if !ok {
		return nil, false
	}
	e.unlink()
	c.lists[e.class].push(e)
	return e.value, true
}

func (c *cache) put(sort string, value []byte) {
	class := classOf(sort)
	switch class {
	case nothing:
		return
	case pinned:
		if value == nil {
			delete(c.pinned, sort)
		} else {
			c.pinned[sort] = value
		}
		return
	default:
	}
	c.drop(sort)
	e := &entry{sort: sort, value: value, class: class}
	l := &c.lists[class]
	c.recent[sort] = e
	l.push(e)
	l.count++
	l.bytes += e.cost()
	for l.count > l.counts || l.bytes > l.room && l.count > 1 {
		oldest := l.root.prev
		c.drop(oldest.sort)
		c.evict(oldest.sort)
	}
}

// full tells whether a class has less than a quarter of its room left.
func (c *cache) full(class class) bool {
	l := &c.lists[class]
	return l.count > l.counts*3/4 || l.bytes > l.room*3/4
}

func (c *cache) drop(sort string) {
	e, ok := c.recent[sort]
	if !ok {
		return
	}
	delete(c.recent, sort)
	e.unlink()
	c.lists[e.class].count--
	c.lists[e.class].bytes -= e.cost()
}

func (e *entry) cost() int { return entryCost + len(e.sort) + len(e.value) }

func (e *entry) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
}

func (l *list) push(e *entry) {
	e.prev, e.next = &l.root, l.root.next
	e.prev.next, e.next.prev = e, e
}
