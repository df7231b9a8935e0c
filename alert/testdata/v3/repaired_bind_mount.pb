 16db3d1fb1a90da56603092da1d13224" 929238a55cff1c13de2386ef3d237aed*gke-prod-pool-1-abcd2$6f0c3c1e-6b0b-4f5b-9c3e-0d9ad1a0a0018B2026-01-02T03:04:05.000000006ZJ2026-01-02T03:04:05.001000000ZPZ›
terminal_shell_in_containerTerminal shell in container4An interactive shell was started inside a container."	container"shell*TA0002*	T1059.00425f2db0shell bash -i started by runc in app (web/app-1)j
proc.cmdlinebash -ij
proc.tty €j
k8s.pod.nameapp-1r
execve ¹`z€’!è 2026-01-02T03:04:05.000000000Z"bash*bash2/usr/bin/bash:-iJbash -iR/`€rrootˆÿÿÿÿÿÿÿÿÿ¨²00000000a80425fbø‚è "runc2/usr/bin/runcøŠ±
@0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefapp
containerd"gcr.io/acme/app*v72Gsha256:abababababababababababababababababababababababababababababababab’8
webapp-1u-1"10.1.2.3*

appapp2
Deployment:appš
n16.12.40amd64¢
acmeeurope-west1prodª7
/data/xx/data/x (M28:1:/var/lib/volumes/v1/x@ºB2026-01-02T03:04:05.500000000Z2026-01-02T03:04:06.000000000ZÒv1.2.3