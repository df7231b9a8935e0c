package field

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/internal/event"
)

// told returns the container once its runtime has told of it; the host always has.
func told(ev *event.Event) *event.Container {
	if c := ev.Container; c != nil && c.Metadata == event.MetadataComplete {
		return c
	}
	return nil
}

// containerText is metadata: "" on the host, or what host is.
func containerText(name, doc, host string, of func(*event.Container) string, set func(*builder, string) error) Field {
	return Field{Name: name, Type: Text, Doc: doc, Facts: FromContainer, Metadata: true, set: set,
		TextOf: func(ev *event.Event) (string, bool) {
			c := told(ev)
			switch {
			case c == nil:
				return "", false
			case !c.InContainer():
				return host, true
			}
			return of(c), true
		}}
}

func containerFields() []Field {
	fields := []Field{
		{Name: "container.id", Type: Text, Facts: FromContainer, Never: true, Doc: "The first 12 digits of the container's id, or \"host\".",
			TextOf: func(ev *event.Event) (string, bool) {
				if ev.Container == nil {
					return event.Host.ID, true
				}
				return ev.Container.ID, true
			},
			set: func(b *builder, v string) error {
				b.hostSet = v == event.Host.ID
				b.container.ID = v
				return nil
			}},
		{Name: "container.full_id", Type: Text, Facts: FromContainer, Never: true, Doc: "The container's id; empty on the host.",
			TextOf: func(ev *event.Event) (string, bool) {
				if ev.Container == nil {
					return "", true
				}
				return ev.Container.FullID, true
			},
			set: func(b *builder, v string) error { b.container.FullID = v; return nil }},
		containerText("container.name", "Name of the container; \"host\" on the host.", "host",
			func(c *event.Container) string { return c.Name },
			func(b *builder, v string) error { b.container.Name = v; return nil }),
		containerText("container.type", "Runtime of the container: containerd, cri-o; \"host\" on the host.", "host",
			func(c *event.Container) string { return c.Runtime },
			func(b *builder, v string) error { b.container.Runtime = v; return nil }),
		containerText("container.image", "The image: repository:tag, or repository@digest. Empty on the host.", "",
			func(c *event.Container) string { return imageText(&c.Image) }, nil),
		containerText("container.image.repository", "Name of the image without tag and digest: gcr.io/project/name. Empty on the host.", "",
			func(c *event.Container) string { return c.Image.Repository },
			func(b *builder, v string) error { b.container.Image.Repository = v; return nil }),
		containerText("container.image.tag", "Tag of the image. Empty on the host.", "",
			func(c *event.Container) string { return c.Image.Tag },
			func(b *builder, v string) error { b.container.Image.Tag = v; return nil }),
		containerText("container.image.digest", "Digest of the image: sha256:…. Empty on the host.", "",
			func(c *event.Container) string { return c.Image.Digest },
			func(b *builder, v string) error { b.container.Image.Digest = v; return nil }),
		containerText("container.image.id", "Id of the image in the runtime. Empty on the host.", "",
			func(c *event.Container) string { return c.Image.ID },
			func(b *builder, v string) error { b.container.Image.ID = v; return nil }),
		containerText("container.ip", "Address of the container's pod. Empty on the host, and outside pods.", "",
			func(c *event.Container) string {
				if c.Pod == nil {
					return ""
				}
				return c.Pod.IP
			}, nil),
		{Name: "container.duration", Type: Duration, Metadata: true, Doc: "How long ago the container was made. Missing on the host.",
			DurationOf: func(ev *event.Event) (time.Duration, bool) {
				c := told(ev)
				if c == nil || c.CreatedAt == 0 {
					return 0, false
				}
				return time.Duration(ev.Time - c.CreatedAt), true
			}},
		{Name: "container.privileged", Type: Bool, Facts: FromContainer, Metadata: true, Doc: "The container is privileged. False on the host.",
			BoolOf: func(ev *event.Event) (bool, bool) {
				c := told(ev)
				return c != nil && c.Privileged, c != nil
			},
			set: func(b *builder, v string) error { return parse(v, boolOf, &b.container.Privileged) }},
		containerText("container.mounts", "All mounts, parted by commas, each source:dest:mode:rw:propagation. Empty on the host.", "",
			func(c *event.Container) string {
				texts := make([]string, len(c.Mounts))
				for i := range c.Mounts {
					texts[i] = mountText(&c.Mounts[i])
				}
				return strings.Join(texts, ",")
			}, setMounts),
		containerText("container.labels", "All labels, parted by commas, each name:value, sorted. Empty on the host.", "",
			func(c *event.Container) string { return labelsText(c.Labels) }, nil),
		labelField("container.label", "container", func(c *event.Container) map[string]string { return c.Labels },
			func(b *builder) *map[string]string { return &b.container.Labels }),
		sinceEpoch("container.start_ts", "When the first process of the pid namespace started, in nanoseconds since the epoch.",
			func(p *event.Process) *int64 { return &p.PIDNSStart }),
	}
	for _, part := range []struct {
		name, doc string
		of        func(*event.MountPoint) string
	}{
		{"container.mount", "A mount as source:dest:mode:rw:propagation", mountText},
		{"container.mount.source", "Source of a mount", func(m *event.MountPoint) string { return m.Source }},
		{"container.mount.dest", "Destination of a mount", func(m *event.MountPoint) string { return m.Dest }},
		{"container.mount.mode", "Mode of a mount", func(m *event.MountPoint) string { return m.Mode }},
		{"container.mount.rdwr", "Whether a mount may be written, \"true\" or \"false\"", func(m *event.MountPoint) string { return strconv.FormatBool(m.ReadWrite) }},
		{"container.mount.propagation", "Propagation of a mount", func(m *event.MountPoint) string { return m.Propagation }},
	} {
		fields = append(fields, mountField(part.name, part.doc, part.of))
	}
	return fields
}

func imageText(i *event.Image) string {
	switch {
	case i.Tag != "":
		return i.Repository + ":" + i.Tag
	case i.Digest != "":
		return i.Repository + "@" + i.Digest
	}
	return i.Repository
}

func mountText(m *event.MountPoint) string {
	return m.Source + ":" + m.Dest + ":" + m.Mode + ":" + strconv.FormatBool(m.ReadWrite) + ":" + m.Propagation
}

func labelsText(labels map[string]string) string {
	var b strings.Builder
	for i, k := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(k + ":" + labels[k])
	}
	return b.String()
}

// mountField finds a mount by its number, or as the first whose source (for mount.source: destination) fits a glob.
func mountField(name, doc string, of func(*event.MountPoint) string) Field {
	by, what := func(m *event.MountPoint) string { return m.Source }, "source"
	if name == "container.mount.source" {
		by, what = func(m *event.MountPoint) string { return m.Dest }, "destination"
	}
	doc += ", found by its number from 0 or as the first whose " + what + " fits a glob: " + name + `["/var/run/*"]; a key that starts with ~ is a regular expression (RE2), found anywhere. Missing if there is none.`
	return Field{Name: name, Key: AnyKey, KeyType: Text, KeyDoc: doc, Doc: doc, Facts: FromContainer, Metadata: true, checkKey: checkMountKey, keyed: func(k key) Field {
		fits := mountKey(k, by)
		return Field{TextOf: func(ev *event.Event) (string, bool) {
			c := told(ev)
			if c == nil {
				return "", false
			}
			for i := range c.Mounts {
				if m := &c.Mounts[i]; fits(i, m) {
					return of(m), true
				}
			}
			return "", false
		}}
	}}
}

// PatternKey begins the key of a mount that is a regular expression: no path of a mount starts so.
const PatternKey = "~"

func checkMountKey(k key) error {
	if pattern, ok := strings.CutPrefix(k.text, PatternKey); ok {
		_, err := regexp.Compile(pattern)
		return err
	}
	return nil
}

// mountKey makes a test of a key.
func mountKey(k key, by func(*event.MountPoint) string) func(int, *event.MountPoint) bool {
	if k.isNum {
		return func(i int, _ *event.MountPoint) bool { return i == k.num }
	}
	if pattern, ok := strings.CutPrefix(k.text, PatternKey); ok {
		re := regexp.MustCompile(pattern) // checkMountKey has tried
		return func(_ int, m *event.MountPoint) bool { return re.MatchString(by(m)) }
	}
	return func(_ int, m *event.MountPoint) bool {
		ok, err := path.Match(k.text, by(m))
		return ok && err == nil || k.text == by(m)
	}
}

func setMounts(b *builder, v string) error {
	for text := range strings.SplitSeq(v, ",") {
		p := strings.Split(text, ":")
		for len(p) < 5 {
			p = append(p, "")
		}
		b.container.Mounts = append(b.container.Mounts, event.MountPoint{Source: p[0], Dest: p[1], Mode: p[2], ReadWrite: p[3] == "true", Propagation: p[4]})
	}
	return nil
}

func labelField(name, of string, labels func(*event.Container) map[string]string, at func(*builder) *map[string]string) Field {
	doc := "Value of one label of the " + of + ". Missing if it has no such label."
	return Field{Name: name, Key: TextKey, KeyType: Text, Doc: doc, KeyDoc: doc, Facts: FromContainer, Metadata: true,
		keyed: func(k key) Field {
			return Field{TextOf: func(ev *event.Event) (string, bool) {
				c := told(ev)
				if c == nil {
					return "", false
				}
				v, ok := labels(c)[k.text]
				return v, ok
			}}
		},
		setKey: func(b *builder, k key, v string) error {
			m := at(b)
			if *m == nil {
				*m = map[string]string{}
			}
			(*m)[k.text] = v
			return nil
		}}
}
