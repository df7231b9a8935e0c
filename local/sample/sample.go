// Package sample is a fleet that is not as it should be, for `tiercel up`, pictures and tests: "shop" as one would like it,
// "legacy" as one finds it, "apps" on Autopilot, and "payments", whose certificate authority ends in 40 days.
package sample

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/encoding/prototext"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"

	"tiercel.dev/local/gke"
)

//go:embed fleet
var files embed.FS

// An Object is one of Kubernetes', as package kube takes it.
type Object interface {
	metav1.Object
	runtime.Object
}

// A Cluster is one of the fleet.
type Cluster struct {
	*pb.Cluster
	// Objects are what its own API has, but for nodes.
	Objects []Object
}

const day = 24 * time.Hour

// dates are when each cluster was made, before now, and when its authority ends: those of clusters made until 2021 after five
// years, later ones after thirty.
var dates = []struct {
	name       string
	made, ends time.Duration
}{
	{"shop", 400 * day, 29 * 365 * day},
	{"legacy", 1900 * day, 160 * day},
	{"apps", 200 * day, 30*365*day - 200*day},
	{"payments", 5*365*day - 40*day, 40 * day},
}

// Fleet returns the clusters as they are at a time, in a project.
func Fleet(project string, now time.Time) ([]Cluster, error) {
	now = now.UTC().Truncate(time.Second)
	fill := strings.NewReplacer("{project}", project, "{number}", fmt.Sprint(gke.ProjectNumber(project)), "{last-used}", now.Add(-2*day).Format(time.DateOnly))
	var fleet []Cluster
	for _, d := range dates {
		c := Cluster{Cluster: new(pb.Cluster)}
		text, err := files.ReadFile("fleet/" + d.name + ".textproto")
		if err != nil {
			return nil, err
		}
		if err := prototext.Unmarshal([]byte(fill.Replace(string(text))), c.Cluster); err != nil {
			return nil, fmt.Errorf("%s.textproto: %w", d.name, err)
		}
		made := now.Add(-d.made)
		c.CreateTime = made.Format(time.RFC3339)
		if c.MasterAuth == nil {
			c.MasterAuth = new(pb.MasterAuth)
		}
		c.MasterAuth.ClusterCaCertificate = gke.CA(d.name, made, now.Add(d.ends))
		for _, name := range []string{"base", d.name} {
			objects, err := read(name+".yaml", fill)
			if err != nil {
				return nil, err
			}
			c.Objects = append(c.Objects, objects...)
		}
		fleet = append(fleet, c)
	}
	return fleet, nil
}

// read returns the objects of a file.
func read(name string, fill *strings.Replacer) (all []Object, err error) {
	text, err := files.ReadFile("fleet/" + name)
	if err != nil {
		return nil, err
	}
	documents := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(fill.Replace(string(text)))))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		o, _, err := scheme.Codecs.UniversalDeserializer().Decode(document, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: object %d: %w", name, len(all)+1, err)
		}
		object, ok := o.(Object)
		if !ok {
			return nil, fmt.Errorf("%s: %T has no name", name, o)
		}
		all = append(all, object)
	}
}
