//! A way to the local cluster that can be cut: it takes connections, carries bytes, and ends all of it when it is told to.

use std::fs;
use std::io::copy;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::common::World;

/// How the address of the local cluster begins, wherever it is written.
const ADDRESS: &str = "https://127.0.0.1:";

#[derive(Default)]
struct Wires {
    is_cut: bool,
    /// Both ends of every connection.
    ends: Vec<TcpStream>,
}

/// The way to the cluster; its threads end with the test.
pub(super) struct Relay {
    port: u16,
    wires: Arc<Mutex<Wires>>,
}

impl Relay {
    /// Makes a way to the local cluster of a world, and a kubeconfig that leads along it.
    pub(super) fn start(world: &World) -> (Self, PathBuf) {
        let kubeconfig = fs::read_to_string(world.runtime_folder().join("local.kubeconfig")).unwrap();
        let (_, rest) = kubeconfig.split_once(ADDRESS).unwrap();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let relay = Self::to(digits.parse().unwrap());
        let path = world.path("relay.kubeconfig");
        let (before, after) = (format!("{ADDRESS}{digits}"), format!("{ADDRESS}{}", relay.port));
        fs::write(&path, kubeconfig.replace(&before, &after)).unwrap();
        (relay, path)
    }

    fn to(cluster: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let wires = Arc::new(Mutex::new(Wires::default()));
        let kept = Arc::clone(&wires);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                connect(near, cluster, &kept);
            }
        });
        Self { port, wires }
    }

    /// Ends every connection, and each new one at once.
    pub(super) fn cut(&self) {
        let mut wires = lock(&self.wires);
        wires.is_cut = true;
        for end in wires.ends.drain(..) {
            // It may be closed already.
            end.shutdown(Shutdown::Both).ok();
        }
    }

    /// Carries again what comes from now on.
    pub(super) fn mend(&self) {
        lock(&self.wires).is_cut = false;
    }
}

fn lock(wires: &Mutex<Wires>) -> MutexGuard<'_, Wires> {
    wires.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(near: TcpStream, cluster: u16, wires: &Mutex<Wires>) {
    let mut wires = lock(wires);
    if wires.is_cut {
        return;
    }
    let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, cluster)) else {
        return;
    };
    let twin = |stream: &TcpStream| stream.try_clone().unwrap();
    wires.ends.extend([twin(&near), twin(&far)]);
    carry(twin(&near), twin(&far));
    carry(far, near);
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Write).ok();
    });
}
