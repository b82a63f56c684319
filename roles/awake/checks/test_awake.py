"""What keeps a machine awake, checked from outside: the system lists who holds what."""

from hermes_ops.services.awake import KEEPERS


def test_machine_is_kept_awake(host, service):
    """The system lists our process as one that keeps the machine awake, from all that is wanted."""
    keeper = KEEPERS[service.manager]
    asks = keeper.asks(service.uid)
    pids = set(host.run(asks.pid).stdout.split())
    holds = keeper.holds(host.run(asks.holds).stdout)
    assert holds is not None, "the list of who keeps the machine awake could not be understood"
    kept = {word for hold in holds if str(hold.pid) in pids for word in hold.what.split(":")}
    missing = ", ".join(word for word in service.holds if word not in kept)
    assert not missing, f"nothing of ours keeps it from {missing}"


def test_it_is_kept_awake_after_a_reboot(host, service):
    """It begins again by itself when the machine has started."""
    asks = KEEPERS[service.manager].asks(service.uid)
    assert host.run(asks.stays).rc == 0, "it would not begin again after a reboot"
