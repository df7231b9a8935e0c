package board

import (
	"container/list"
	"encoding/json"
)

// kept holds the newest of something by their keys, bounded in number and bytes, each with how a page is shown it.
type kept[T any] struct {
	maxCount, maxBytes int
	bytes              int
	order              *list.List // of *item, the newest at the back
	byKey              map[string]*list.Element
}

type item[T any] struct {
	key   string
	value T
	size  int
	row   json.RawMessage
}

func newKept[T any](maxCount, maxBytes int) kept[T] {
	return kept[T]{maxCount: maxCount, maxBytes: maxBytes, order: list.New(), byKey: make(map[string]*list.Element)}
}

func (k *kept[T]) has(key string) bool { return k.byKey[key] != nil }

func (k *kept[T]) get(key string) (value T, ok bool) {
	e := k.byKey[key]
	if e == nil {
		return value, false
	}
	return e.Value.(*item[T]).value, true
}

// put takes a value, in the place of an older one of that key, and lets go the oldest that do not fit.
func (k *kept[T]) put(key string, value T, size int, row json.RawMessage) {
	if e := k.byKey[key]; e != nil {
		it := e.Value.(*item[T])
		k.bytes += size - it.size
		it.value, it.size, it.row = value, size, row
	} else {
		k.byKey[key] = k.order.PushBack(&item[T]{key, value, size, row})
		k.bytes += size
	}
	for k.order.Len() > 1 && (k.order.Len() > k.maxCount || k.bytes > k.maxBytes) {
		it := k.order.Remove(k.order.Front()).(*item[T])
		delete(k.byKey, it.key)
		k.bytes -= it.size
	}
}

// rows are all, the oldest first, as one array.
func (k *kept[T]) rows() []json.RawMessage {
	all := make([]json.RawMessage, 0, k.order.Len())
	for e := k.order.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*item[T]).row)
	}
	return all
}
