package process

import "strings"

// texts holds every argument list, environment and path once, however many processes have it, and knows their bytes: a
// process chooses its own, so their sum is what a limit must be on.
type texts struct {
	images shared[image]
	envs   shared[[]string]
	paths  shared[struct{}]
	key    []byte // scratch

	variables variables
	env       []byte // scratch
}

func newTexts() texts {
	return texts{
		images: shared[image]{make: makeImage, byKey: make(map[string]*held[image])},
		envs:   shared[[]string]{make: makeEnv, byKey: make(map[string]*held[[]string])},
		paths:  shared[struct{}]{make: makePath, byKey: make(map[string]*held[struct{}])},
	}
}

func (t *texts) bytes() int64 { return t.images.bytes + t.envs.bytes + t.paths.bytes }

// image is an argument list with the name that stands before it in a command line.
type image struct {
	exe      string
	args     []string
	argsText string
	cmdLine  string
}

const wordBytes = 16 // of a string's header

// makeImage reads a key: the name, NUL, and the arguments, each ended by NUL.
func makeImage(key string) (image, int64) {
	name, raw, _ := strings.Cut(key, "\x00")
	words := split(raw)
	if len(words) == 0 {
		return image{cmdLine: name}, 0
	}
	if len(words) == 1 {
		return image{exe: words[0], cmdLine: name}, wordBytes
	}
	img := image{exe: words[0], args: words[1:]}
	// One text holds both: a command line is the name, a blank and the arguments.
	img.cmdLine = name + " " + strings.Join(img.args, " ")
	img.argsText = img.cmdLine[len(name)+1:]
	return img, int64(len(img.cmdLine) + wordBytes*len(words))
}

func makeEnv(key string) ([]string, int64) {
	words := split(key)
	return words, int64(wordBytes * len(words))
}

func makePath(string) (struct{}, int64) { return struct{}{}, 0 }

func split(raw string) []string {
	if raw == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(raw, "\x00"), "\x00")
}

// setImage gives a process its name and arguments. A NUL in a name would end it in the kernel too.
func (t *texts) setImage(e *entry, name string, args []byte) {
	t.key = append(append(append(t.key[:0], name...), 0), args...)
	old := e.image
	e.image = t.images.hold(t.key)
	t.images.release(old)

	p, img := &e.proc, &e.image.value
	p.Name = e.image.key[:len(name)]
	p.Exe, p.Args, p.ArgsText, p.CmdLine = img.exe, img.args, img.argsText, img.cmdLine
}

// rename keeps the arguments.
func (t *texts) rename(e *entry, name string) {
	var args []byte
	if e.image != nil {
		_, raw, _ := strings.Cut(e.image.key, "\x00")
		args = []byte(raw)
	}
	t.setImage(e, name, args)
}

// setEnv keeps of an environment, entries that each end in NUL, what is to be kept.
func (t *texts) setEnv(e *entry, env []byte) {
	old := e.env
	t.env = t.variables.of(env, t.env[:0])
	e.env = t.envs.hold(t.env)
	t.envs.release(old)
	e.proc.Env = e.env.value
}

func (t *texts) setPaths(e *entry, exePath, cwd string) {
	oldExe, oldCWD := e.exePath, e.cwd
	e.exePath = t.paths.hold(append(t.key[:0], exePath...))
	e.cwd = t.paths.hold(append(t.key[:0], cwd...))
	t.paths.release(oldExe)
	t.paths.release(oldCWD)
	e.proc.ExePath, e.proc.CWD = e.exePath.key, e.cwd.key
}

// drop lets go of what a removed process held.
func (t *texts) drop(e *entry) {
	t.release(e.image, e.env, e.exePath, e.cwd)
	e.image, e.env, e.exePath, e.cwd = nil, nil, nil, nil
}

func (t *texts) release(img *held[image], env *held[[]string], exePath, cwd *held[struct{}]) {
	t.images.release(img)
	t.envs.release(env)
	t.paths.release(exePath)
	t.paths.release(cwd)
}

// shared makes a value from each key once, and keeps it for as long as it is held.
type shared[T any] struct {
	make  func(key string) (value T, bytes int64)
	byKey map[string]*held[T]
	bytes int64
}

type held[T any] struct {
	key   string
	value T
	bytes int64
	refs  int
}

func (s *shared[T]) hold(key []byte) *held[T] {
	h := s.byKey[string(key)]
	if h == nil {
		const entryBytes = 128 // of the map's slot and the held struct, about
		h = &held[T]{key: string(key)}
		h.value, h.bytes = s.make(h.key)
		h.bytes += int64(len(key)) + entryBytes
		s.byKey[h.key] = h
		s.bytes += h.bytes
	}
	h.refs++
	return h
}

func (s *shared[T]) release(h *held[T]) {
	if h == nil {
		return
	}
	if h.refs--; h.refs == 0 {
		delete(s.byKey, h.key)
		s.bytes -= h.bytes
	}
}

func (h *held[T]) share() *held[T] {
	if h != nil {
		h.refs++
	}
	return h
}
