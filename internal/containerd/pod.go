package containerd

import (
	"context"
	"fmt"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A Pod is one that was made.
type Pod struct {
	id     string
	config *cri.PodSandboxConfig
}

const podUID = "6f1c1b52-0001-4b8e-9d5e-0123456789ab"

// Pod makes a pod on the host's network, as a kubelet labels one.
func (c *Containerd) Pod(ctx context.Context, namespace, name string) (Pod, error) {
	return c.run(ctx, namespace, name, false)
}

// PrivilegedPod makes one of which the containers are privileged.
func (c *Containerd) PrivilegedPod(ctx context.Context, namespace, name string) (Pod, error) {
	return c.run(ctx, namespace, name, true)
}

func (c *Containerd) run(ctx context.Context, namespace, name string, privileged bool) (Pod, error) {
	config := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Namespace: namespace, Uid: podUID},
		LogDirectory: c.dir,
		Labels: map[string]string{
			"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace, "app": "web",
			"pod-template-hash": "5d4f8c7b9",
		},
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent: "/kubepods/besteffort/pod" + podUID,
			SecurityContext: &cri.LinuxSandboxSecurityContext{
				Privileged:       privileged,
				NamespaceOptions: &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER},
			},
		},
	}
	answer, err := c.cri.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: config})
	if err != nil {
		return Pod{}, fmt.Errorf("run pod sandbox %s: %w", name, err)
	}
	c.undo = append(c.undo, func() {
		// They end with the folder that they stand in, if not by this.
		_, _ = c.cri.StopPodSandbox(context.Background(), &cri.StopPodSandboxRequest{PodSandboxId: answer.PodSandboxId})
		_, _ = c.cri.RemovePodSandbox(context.Background(), &cri.RemovePodSandboxRequest{PodSandboxId: answer.PodSandboxId})
	})
	return Pod{answer.PodSandboxId, config}, nil
}

// Container starts a container in a pod and returns its id.
func (c *Containerd) Container(ctx context.Context, pod Pod, name string, tty bool, command ...string) (string, error) {
	made, err := c.cri.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: pod.id, SandboxConfig: pod.config,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: name},
			Image:    &cri.ImageSpec{Image: Image},
			Command:  command, Tty: tty, Stdin: tty, LogPath: name + ".log",
			Labels: map[string]string{"io.kubernetes.container.name": name},
			Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{
				Privileged:       pod.config.Linux.SecurityContext.Privileged,
				NamespaceOptions: pod.config.Linux.SecurityContext.NamespaceOptions,
			}},
		},
	})
	if err != nil {
		return "", fmt.Errorf("create container %s: %w", name, err)
	}
	c.undo = append(c.undo, func() {
		_ = c.Stop(context.Background(), made.ContainerId)
		_, _ = c.cri.RemoveContainer(context.Background(), &cri.RemoveContainerRequest{ContainerId: made.ContainerId})
	})
	if _, err := c.cri.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: made.ContainerId}); err != nil {
		return "", fmt.Errorf("start container %s: %w", name, err)
	}
	return made.ContainerId, nil
}

// Stop ends a container.
func (c *Containerd) Stop(ctx context.Context, id string) error {
	if _, err := c.cri.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id}); err != nil {
		return fmt.Errorf("stop container: %w", err)
	}
	return nil
}
