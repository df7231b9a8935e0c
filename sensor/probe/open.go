package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"

	"tiercel.dev/internal/event"
)

// A Probe is the programs in the kernel and the reader of their records. Next and Decode belong to one goroutine; the
// other methods are safe to call from any.
type Probe struct {
	log      *slog.Logger
	objs     bpfObjects
	reader   *ringbuf.Reader
	record   ringbuf.Record
	drained  bool
	flushed  bool      // by Stop: only what the decoder holds is to come
	deadline time.Time // the reader's
	sleep    func(time.Duration)
	decoder  *Decoder
	clock    int64 // boot time at which the decoder's clock is next due

	mu         sync.Mutex // guards what follows
	tasks      []link.Link
	calls      link.Link // nil while no system call is wanted
	rings      rings
	handlers   map[event.Kind]*ebpf.Program
	handled    event.KindSet
	overlay    bool
	filter     event.Filter // in force
	generation uint16       // of the peers that messages are compared with
	uncounted  uint64       // the most that was seen, records
	stopped    bool
	closed     bool
}

// Open loads the programs and attaches those that cfg.Filter needs. Where the machine or the process cannot do that, the
// error is [ErrUnsupported] and says what is missing; a cgroup limit that is too low is [ErrMemory].
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Probe, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnsupported, err)
	}
	cfg = cfg.withDefaults(cpus)
	if err := checkMachine(); err != nil {
		return nil, err
	}
	memory := cfg.Memory(cpus)
	limit := memoryLimit()
	log.InfoContext(ctx, "kernel side", "memory", memory, "limit", limit)
	if err := memory.fits(limit); err != nil {
		return nil, err
	}

	p := &Probe{log: log, decoder: NewDecoder(bootTime()), sleep: sleeper(runtime.GOMAXPROCS(0))}
	if err = p.load(cfg); err == nil {
		err = p.attach(cfg)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Probe) load(cfg Config) error {
	types := btf.NewCache() // some MiB, needed no more after this
	kernel, err := types.Kernel()
	if err != nil {
		return fmt.Errorf("%w: read the kernel's types: %v", ErrUnsupported, err)
	}
	if err := checkTracepoints(kernel); err != nil {
		return err
	}
	if err := checkLayout(kernel); err != nil {
		return err
	}
	spec, err := loadBpf()
	if err != nil {
		return fmt.Errorf("read embedded programs: %w", err)
	}
	if err := configure(spec, cfg, kernel); err != nil {
		return err
	}
	if err := p.rings.configure(spec, kernel); err != nil {
		p.log.Warn("io_uring operations are not seen", "err", err)
	}
	if err := spec.LoadAndAssign(&p.objs, &ebpf.CollectionOptions{Cache: types}); err != nil {
		return explainLoad(err)
	}
	p.handlers = p.objs.handlers()
	p.rings.objs, p.rings.links = &p.objs, make(map[*ebpf.Program]link.Link)
	for table, programs := range map[*ebpf.Map]map[uint32]*ebpf.Program{
		p.objs.Handlers: p.objs.continuations(), p.objs.Finishers: p.objs.finishers(), p.objs.Starters: {1: p.objs.OnUringSent},
	} {
		for place, program := range programs {
			if err := table.Put(place, program); err != nil {
				return fmt.Errorf("set %v at %d: %w", program, place, err)
			}
		}
	}
	p.findOverlay(types)
	if p.reader, err = ringbuf.NewReader(p.objs.Records); err != nil {
		return fmt.Errorf("map ring buffer: %w", err)
	}
	return nil
}

// configure sets what the programs read as constants, and the sizes of their maps.
func configure(spec *ebpf.CollectionSpec, cfg Config, kernel *btf.Spec) error {
	subsys, err := cgroupSubsys(kernel)
	if err != nil {
		return err
	}
	var direct uint32
	if !cfg.helperReads && directReads(kernel) {
		direct = 1
	}
	spec.Maps["records"].MaxEntries = cfg.RingBytes
	spec.Maps["cgroups"].MaxEntries = cfg.Cgroups
	for name, value := range map[string]any{
		"cgroup_subsys":   subsys,
		"ring_unreserved": uint64(cfg.RingBytes) / 4 * 3,
		"direct_reads":    direct,
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// directReads says whether the kernel lets a program name the type of a pointer, which makes its reads cheap.
func directReads(kernel *btf.Spec) bool {
	var cast *btf.Func
	return kernel.TypeByName("bpf_rdonly_cast", &cast) == nil
}

// attach begins with the exits and ends with the execs, so that no process is seen to begin that is not seen to end.
func (p *Probe) attach(cfg Config) error {
	for _, prog := range []*ebpf.Program{p.objs.OnExit, p.objs.OnCgroupAttach, p.objs.OnFork, p.objs.OnExec} {
		l, err := link.AttachTracing(link.TracingOptions{Program: prog})
		if err != nil {
			return fmt.Errorf("attach %v: %w", prog, explainLoad(err))
		}
		p.tasks = append(p.tasks, l)
	}
	return p.SetFilter(cfg.Filter)
}

// Close detaches and frees everything, and ends Next.
func (p *Probe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	errs := []error{p.detach()}
	if p.reader != nil {
		errs = append(errs, p.reader.Close())
	}
	if p.objs.OnExec != nil {
		errs = append(errs, p.objs.Close())
	}
	return errors.Join(errs...)
}
