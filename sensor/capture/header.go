package capture

// Header says where a capture is from. The caller gives all of it, the time too, so that recording the same events
// again gives the same bytes.
type Header struct {
	Sensor   string // version of the program that wrote the file
	Kernel   string // release
	Arch     string // of the machine, in Go's words: system calls' flags have its numbers
	Node     string
	BootID   string
	Start    int64  // when recording began, ns since the epoch
	Redacted string // the redaction's settings, for who misses an argument
}

func (c *coder) header(h *Header) {
	c.text(1, &h.Sensor)
	c.text(2, &h.Kernel)
	c.text(3, &h.Arch)
	c.text(4, &h.Node)
	c.text(5, &h.BootID)
	signed(c, 6, &h.Start)
	// 7 was the rules' hash, which no recorder gave: a capture is for any rules.
	c.text(8, &h.Redacted)
}

// ending is what the end block says of all that came before it.
type ending struct {
	events uint64
	crc    uint32
}

func (c *coder) ending(e *ending) {
	unsigned(c, 1, &e.events)
	unsigned(c, 2, &e.crc)
}
