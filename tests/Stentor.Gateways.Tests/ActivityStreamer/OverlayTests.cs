namespace Stentor.Gateways.Tests.ActivityStreamer;

public sealed class OverlayTests
{
    private readonly OverlayWorld _world = new();

    [Fact]
    public void Who_is_linked_hears_at_once_of_this_server_and_of_the_other_nodes_of_the_cluster()
    {
        _world.Meet("B", "b", load: 4);

        var said = _world.Do(output => _world.Overlay.Open(1, _world.Now, output));

        Assert.Equal(["to 1: SERVER_ANNOUNCE me 0", "to 1: SERVER_ANNOUNCE b 4"], said);
    }

    [Fact]
    public void An_announcement_goes_to_every_other_peer_and_node_and_not_back()
    {
        _world.Open(1, 2, 3);

        var said = _world.Hear(2, OverlayWorld.Announce("x", load: 5));

        Assert.Equal(["to 1: SERVER_ANNOUNCE x 5", "to 3: SERVER_ANNOUNCE x 5", "notice: SERVER_ANNOUNCE x 5 (from 2)"], said);
    }

    [Fact]
    public void What_another_nodes_peer_announces_goes_to_every_peer_and_not_to_the_nodes_again()
    {
        _world.Open(1, 2);
        _world.Meet("B", "b");

        Assert.Equal(["to 1: SERVER_ANNOUNCE y 3", "to 2: SERVER_ANNOUNCE y 3"], _world.Notice("B", OverlayWorld.Announce("y", 3, peer: 7)));
    }

    [Fact]
    public void Every_interval_each_peer_hears_of_every_node_of_the_cluster()
    {
        _world.Open(1);
        _world.Meet("B", "b", load: 2);

        Assert.Empty(_world.Pass(4_999));
        Assert.Equal(["to 1: SERVER_ANNOUNCE me 0", "to 1: SERVER_ANNOUNCE b 2", "notice: SERVER_ANNOUNCE me 0 0"], _world.Pass(1));
    }

    [Fact]
    public void A_node_that_comes_is_told_of_this_one_and_of_its_peers()
    {
        _world.Open(1);
        _world.Hear(1, OverlayWorld.Announce("x", 9));

        var said = _world.Notice("B", OverlayWorld.Announce("b", peer: 0));

        Assert.Equal(["to 1: SERVER_ANNOUNCE b 0", "notice: SERVER_ANNOUNCE me 0 0", "notice: SERVER_ANNOUNCE x 9 (from 1)"], said);
    }

    [Fact]
    public void The_loads_of_our_nodes_are_told_to_each_other_at_once_and_to_foreign_servers_when_it_is_time()
    {
        _world.Open(1);

        Assert.Equal(["notice: SERVER_ANNOUNCE me 1 1"], _world.Do(output => _world.Overlay.SetLoad(1, _world.Now, output)));
        Assert.Empty(_world.Do(output => _world.Overlay.SetLoad(2, _world.Now, output))); // Within 10 ms.
        Assert.True(_world.Overlay.OwesLoad);
        Assert.Equal(["notice: SERVER_ANNOUNCE me 2 2"], _world.Pass(10));
    }

    [Fact]
    public void Nobody_is_sent_to_a_server_that_says_it_is_where_we_are()
    {
        _world.Open(1);
        _world.Overlay.Address = new StreamerAddress("x.example", 3780);
        _world.Hear(1, OverlayWorld.Announce("x"));

        Assert.Null(_world.Redirect(9));
        Assert.Null(_world.Overlay.Refuge);
    }

    [Fact]
    public void A_newcomer_is_sent_where_there_are_two_fewer_and_counts_there_from_then_on()
    {
        _world.Meet("B", "b", load: 3);
        _world.Meet("C", "c", load: 5);

        Assert.Null(_world.Redirect(4));
        Assert.Equal(new StreamerAddress("b.example", 3780), _world.Redirect(5));
        Assert.Null(_world.Redirect(5)); // One is on its way there.
        Assert.Equal(new StreamerAddress("b.example", 3780), _world.Redirect(6));
    }

    [Fact]
    public void Who_was_sent_somewhere_counts_there_until_that_server_says_so_itself_or_some_seconds_have_passed()
    {
        _world.Meet("B", "b", load: 3);
        _world.Redirect(5);

        _world.Notice("B", OverlayWorld.Announce("b", 4, logins: 1)); // It has arrived.
        Assert.Null(_world.Redirect(5));
        Assert.NotNull(_world.Redirect(6));

        _world.Now += 1_000; // That one never arrived.
        Assert.NotNull(_world.Redirect(6));
    }

    [Fact]
    public void A_client_that_comes_while_another_one_goes_is_not_expected_any_more()
    {
        _world.Meet("B", "b", load: 3);
        _world.Redirect(5);
        Assert.Null(_world.Redirect(5));

        _world.Notice("B", OverlayWorld.Announce("b", 3, logins: 1));

        Assert.NotNull(_world.Redirect(5));
    }

    [Fact]
    public void Word_of_a_client_that_comes_after_the_client_is_not_counted_again()
    {
        _world.Meet("B", "b", load: 3);
        _world.Notice("B", OverlayWorld.Announce("b", 4, logins: 1));

        _world.Notice("C", """{"command":"SERVER_EXPECTS","id":"b","load":1}""");

        Assert.NotNull(_world.Redirect(6));
    }

    [Fact]
    public void Whoever_is_sent_somewhere_is_expected_by_all_nodes()
    {
        _world.Meet("B", "b", load: 3);
        _world.Meet("C", "c", load: 9);
        Assert.Equal(["notice: SERVER_EXPECTS b 1"], _world.Do(output => _world.Overlay.Redirect(5, _world.Now, output)));

        _world.Notice("C", """{"command":"SERVER_EXPECTS","id":"b","load":2}""");

        Assert.Null(_world.Redirect(7));
        Assert.NotNull(_world.Redirect(8));
    }

    [Fact]
    public void One_that_another_node_has_sent_here_is_sent_on_only_when_much_is_gained()
    {
        _world.Meet("B", "b", load: 3);
        _world.Notice("B", """{"command":"SERVER_EXPECTS","id":"me","load":1}""");

        var slack = _world.Overlay.TakeSlack(_world.Now);

        Assert.False(_world.Overlay.IsBetterElsewhere(6 - slack, _world.Now));
        Assert.True(_world.Overlay.IsBetterElsewhere(7 - slack, _world.Now));
        Assert.Equal(0, _world.Overlay.TakeSlack(_world.Now)); // That was the one.
    }

    [Fact]
    public void A_foreign_servers_announcement_is_taken_as_it_is()
    {
        _world.Open(1);
        _world.Hear(1, OverlayWorld.Announce("x", 0));
        _world.Redirect(2);
        Assert.Null(_world.Redirect(2));

        _world.Hear(1, OverlayWorld.Announce("x", 0));

        Assert.NotNull(_world.Redirect(2));
    }

    [Fact]
    public void Without_another_server_a_registration_asks_nobody()
    {
        _world.Meet("B", "b"); // Between our own nodes claims decide.

        Assert.Equal(["decided 1: Unasked"], _world.Register("ann", "s"));
    }

    [Fact]
    public void A_peer_that_never_announced_itself_is_asked_but_not_waited_for()
    {
        _world.Open(1);

        Assert.Equal(["to 1: LOCK_REQUEST ann s", "notice: LOCK_REQUEST ann s (from 0)", "decided 1: Unasked"], _world.Register("ann", "s"));
    }

    [Fact]
    public void A_registration_waits_for_every_server_that_is_known_at_that_time()
    {
        _world.Open(1, 2);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Hear(1, OverlayWorld.Announce("y"));
        _world.Meet("B", "b");
        _world.Notice("B", OverlayWorld.Announce("z", peer: 4));
        _world.Register("ann", "s");
        _world.Hear(2, OverlayWorld.Announce("late"));

        Assert.Equal(["to 2: LOCK_ALLOWED ann s", "notice: LOCK_ALLOWED ann s (from 1)"], _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s")));
        Assert.DoesNotContain("decided 1: Allowed", _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s")));
        Assert.Equal(["to 1: LOCK_ALLOWED ann s z", "to 2: LOCK_ALLOWED ann s z", "decided 1: Allowed"], _world.Notice("B", OverlayWorld.Name("LOCK_ALLOWED", "ann", "s", "z", peer: 4)));
    }

    [Fact]
    public void One_servers_answers_do_not_stand_for_another_ones()
    {
        _world.Open(1, 2);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Hear(2, OverlayWorld.Announce("y"));
        _world.Register("ann", "s");

        // By another way, under another's id, and the same id twice.
        _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s", "x"));
        _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s", "y"));
        _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s", "x"));
        Assert.DoesNotContain("decided 1: Allowed", _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s")));

        Assert.Contains("decided 1: Allowed", _world.Hear(2, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s", "y")));
    }

    [Fact]
    public void One_denial_ends_a_registration_whatever_the_others_say()
    {
        _world.Open(1, 2);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Hear(2, OverlayWorld.Announce("y"));
        _world.Register("ann", "s");

        Assert.DoesNotContain("decided 1: Denied", _world.Hear(1, OverlayWorld.Name("LOCK_DENIED", "ann", "another")));
        Assert.Equal(
            ["to 2: LOCK_DENIED ann s", "notice: LOCK_DENIED ann s (from 1)", "forget ann s", "decided 1: Denied"],
            _world.Hear(1, OverlayWorld.Name("LOCK_DENIED", "ann", "s")));
        Assert.DoesNotContain("decided 1: Allowed", _world.Hear(2, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s")));
    }

    [Fact]
    public void A_silent_server_ends_a_registration_in_time_and_all_forget_the_name()
    {
        _world.Open(1, 2);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Hear(2, OverlayWorld.Announce("y"));
        _world.Register("ann", "s");
        _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s"));

        Assert.DoesNotContain("decided 1: Silent y", _world.Pass(9_999));
        Assert.Equal(
            ["to 1: LOCK_DENIED ann s", "to 2: LOCK_DENIED ann s", "notice: LOCK_DENIED ann s (from 0)", "decided 1: Silent y"],
            _world.Pass(1));
        Assert.Contains("to 1: LOCK_REQUEST ann s2", _world.Register("ann", "s2"));
    }

    [Fact]
    public void A_server_that_goes_away_ends_the_registrations_that_wait_for_it()
    {
        _world.Open(1, 2);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Hear(2, OverlayWorld.Announce("y"));
        _world.Register("ann", "s");
        _world.Hear(2, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s"));

        Assert.DoesNotContain(_world.Do(output => _world.Overlay.Close(2, output)), line => line.StartsWith("decided", StringComparison.Ordinal)); // It had answered.
        Assert.Contains("decided 1: Gone x", _world.Do(output => _world.Overlay.Close(1, output)));
    }

    [Fact]
    public void One_name_is_registered_by_one_at_a_time()
    {
        _world.Open(1);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Register("ann", "s");

        Assert.Equal(["decided 2: Busy"], _world.Register("ann", "s2"));
    }

    [Fact]
    public void A_name_that_a_peer_asks_for_is_looked_up_and_recorded_here_and_passed_on()
    {
        _world.Open(1, 2);

        Assert.Equal(
            ["to 2: LOCK_REQUEST ann s", "notice: LOCK_REQUEST ann s (from 1)", "ask ann s and record"],
            _world.Hear(1, OverlayWorld.Name("LOCK_REQUEST", "ann", "s")));
        Assert.Equal(
            ["to 1: LOCK_ALLOWED ann s", "to 2: LOCK_ALLOWED ann s", "notice: LOCK_ALLOWED ann s (from 0)"],
            _world.Do(output => _world.Overlay.Answer(new LockQuestion("ann", "s", IsOurs: true), isAllowed: true, output)));
    }

    [Fact]
    public void A_name_that_another_nodes_peer_asks_for_is_only_looked_up()
    {
        _world.Open(1);
        _world.Meet("B", "b");

        Assert.Equal(["to 1: LOCK_REQUEST ann s", "ask ann s"], _world.Notice("B", OverlayWorld.Name("LOCK_REQUEST", "ann", "s", peer: 3)));
    }

    [Fact]
    public void What_another_node_registers_and_a_peer_sends_back_is_allowed_and_not_recorded_beside_it()
    {
        _world.Open(1);
        _world.Meet("B", "b");
        _world.Notice("B", OverlayWorld.Name("LOCK_REQUEST", "ann", "s", peer: 0));

        Assert.Contains("to 1: LOCK_ALLOWED ann s", _world.Hear(1, OverlayWorld.Name("LOCK_REQUEST", "ann", "s")));
        Assert.Contains("to 1: LOCK_DENIED ann s2", _world.Hear(1, OverlayWorld.Name("LOCK_REQUEST", "ann", "s2")));
        _world.Notice("B", OverlayWorld.Name("LOCK_DENIED", "ann", "s", peer: 7));
        Assert.Contains("ask ann s2 and record", _world.Hear(1, OverlayWorld.Name("LOCK_REQUEST", "ann", "s2")));
    }

    [Fact]
    public void Of_answers_that_do_not_say_whose_they_are_it_is_said_how_many_are_missing()
    {
        _world.Open(1);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Hear(1, OverlayWorld.Announce("y"));
        _world.Register("ann", "s");
        _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s"));

        Assert.Contains("decided 1: Silent 1 of x, y", _world.Pass(10_000));
    }

    [Fact]
    public void What_another_node_registers_is_passed_on_to_peers_and_answered_by_them_alone()
    {
        _world.Open(1);
        _world.Meet("B", "b");

        Assert.Equal(["to 1: LOCK_REQUEST ann s"], _world.Notice("B", OverlayWorld.Name("LOCK_REQUEST", "ann", "s", peer: 0)));
        Assert.Equal(["notice: LOCK_ALLOWED ann s x (from 1)"], _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s", "x")));
    }

    [Fact]
    public void A_rival_for_a_name_that_is_being_registered_in_our_cluster_is_denied()
    {
        _world.Open(1, 2);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Meet("B", "b");
        _world.Register("ann", "s");
        _world.Notice("B", OverlayWorld.Name("LOCK_REQUEST", "bob", "s", peer: 0));

        Assert.Contains("to 2: LOCK_DENIED ann rival", _world.Hear(2, OverlayWorld.Name("LOCK_REQUEST", "ann", "rival")));
        Assert.Contains("to 2: LOCK_DENIED bob rival", _world.Hear(2, OverlayWorld.Name("LOCK_REQUEST", "bob", "rival")));
        Assert.Contains("to 2: LOCK_ALLOWED ann s", _world.Hear(2, OverlayWorld.Name("LOCK_REQUEST", "ann", "s"))); // The same person, at two servers.
    }

    [Fact]
    public void A_permission_that_nobody_asked_for_is_dropped()
    {
        _world.Open(1, 2);

        Assert.Equal(["drop Unasked"], _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s")));
    }

    [Fact]
    public void A_denial_is_passed_on_and_forgets_the_pair_on_one_node()
    {
        _world.Open(1, 2);
        _world.Meet("B", "b");
        _world.Hear(1, OverlayWorld.Name("LOCK_REQUEST", "ann", "s"));

        Assert.Equal(["forget dora s"], _world.Hear(2, OverlayWorld.Name("LOCK_DENIED", "dora", "s"))); // Nobody had asked for it: it is not passed on.
        Assert.Contains("forget ann s", _world.Hear(2, OverlayWorld.Name("LOCK_DENIED", "ann", "s")));
        Assert.Contains("forget ann s", _world.Notice("B", OverlayWorld.Name("LOCK_DENIED", "ann", "s", peer: 3))); // This node had recorded it.
        Assert.DoesNotContain("forget bob s", _world.Notice("B", OverlayWorld.Name("LOCK_DENIED", "bob", "s", peer: 3))); // That is the other node's to do.
    }

    [Fact]
    public void Whoever_announces_itself_under_an_id_of_ours_is_closed()
    {
        _world.Open(1, 2);
        _world.Meet("B", "b");

        Assert.Equal(["close 1", "drop OwnId"], _world.Hear(1, OverlayWorld.Announce("me")));
        Assert.Equal(["close 2", "drop OwnId"], _world.Hear(2, OverlayWorld.Announce("b")));
    }

    [Fact]
    public void Whoever_takes_another_servers_id_is_not_heard_while_that_one_is_there()
    {
        _world.Open(1, 2);
        _world.Hear(1, OverlayWorld.Announce("x", load: 5));

        Assert.Equal(["drop Loop"], _world.Hear(2, OverlayWorld.Announce("x", load: 0)));
        Assert.Contains("to 2: SERVER_ANNOUNCE x 6", _world.Hear(1, OverlayWorld.Announce("x", load: 6)));
    }

    [Fact]
    public void A_server_may_move_to_another_link()
    {
        _world.Open(1, 2, 3);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Do(output => _world.Overlay.Close(1, output));
        Assert.Contains("to 3: SERVER_ANNOUNCE x 1", _world.Hear(2, OverlayWorld.Announce("x", load: 1)));

        _world.Pass(15_000); // Its old link hangs, and nothing says so.

        Assert.Contains("to 2: SERVER_ANNOUNCE x 2", _world.Hear(3, OverlayWorld.Announce("x", load: 2)));
    }

    [Fact]
    public void A_server_that_stops_ends_registrations_that_wait_and_the_others_forget_the_name()
    {
        _world.Open(1);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Register("ann", "s");

        Assert.Equal(
            ["to 1: LOCK_DENIED ann s", "notice: LOCK_DENIED ann s (from 0)", "notice: SERVER_GONE me", "decided 1: Stopping"],
            _world.Do(_world.Overlay.Leave));
    }

    [Fact]
    public void A_flood_of_requests_does_not_make_a_registration_miss_its_answers()
    {
        _world.Open(1, 2);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Register("ann", "s");
        for (var i = 0; i < 10_001; i++)
        {
            _world.Hear(2, OverlayWorld.Name("LOCK_REQUEST", "ann", $"rival{i}"));
        }

        Assert.Contains("decided 1: Allowed", _world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s")));
    }

    [Fact]
    public void Answers_are_taken_for_as_long_as_a_registration_waits()
    {
        var world = new OverlayWorld(OverlayWorld.Options with { LockWaitMs = 120_000, SilenceMs = 1_000_000 });
        world.Open(1);
        world.Hear(1, OverlayWorld.Announce("x"));
        world.Register("ann", "s");

        world.Pass(119_999);

        Assert.Contains("decided 1: Allowed", world.Hear(1, OverlayWorld.Name("LOCK_ALLOWED", "ann", "s")));
    }

    [Fact]
    public void A_server_that_announced_itself_and_is_silent_is_given_up()
    {
        _world.Open(1, 2);
        _world.Hear(1, OverlayWorld.Announce("x"));

        Assert.DoesNotContain("close 1", _world.Pass(29_999));
        var said = _world.Pass(1);
        Assert.Contains("close 1", said);
        Assert.DoesNotContain("close 2", said); // It never announced itself: nothing says that it would.
        Assert.Empty(_world.Overlay.Servers);
    }

    [Fact]
    public void With_a_peer_those_behind_it_are_gone_too_and_the_other_nodes_hear_it()
    {
        _world.Open(1);
        _world.Hear(1, OverlayWorld.Announce("x"));
        _world.Hear(1, OverlayWorld.Announce("behind-x"));

        Assert.Equal(["notice: SERVER_GONE x", "notice: SERVER_GONE behind-x"], _world.Do(output => _world.Overlay.Close(1, output)));
    }

    [Fact]
    public void A_node_whose_link_is_lost_is_gone_with_its_peers_until_it_says_otherwise()
    {
        _world.Meet("B", "b");
        _world.Notice("B", OverlayWorld.Announce("x", peer: 2));

        Assert.Equal(["notice: SERVER_GONE b", "notice: SERVER_GONE x"], _world.Do(output => _world.Overlay.OnNeighboursLost(["b"], output)));
        Assert.Empty(_world.Overlay.Servers);
        _world.Meet("B", "b");
        Assert.Equal(["b"], _world.Overlay.Servers.Select(s => s.Id));
    }

    [Fact]
    public void Who_hears_that_it_is_gone_says_that_it_is_there()
    {
        _world.Meet("B", "b");

        Assert.Equal(["notice: SERVER_ANNOUNCE me 0 0"], _world.Notice("B", """{"command":"SERVER_GONE","id":"me"}"""));
    }

    [Fact]
    public void A_server_that_stops_says_so_to_the_other_nodes() => Assert.Equal(["notice: SERVER_GONE me"], _world.Do(_world.Overlay.Leave));

    [Fact]
    public void More_servers_than_are_remembered_are_dropped()
    {
        _world.Open(1);
        for (var i = 0; i < 4_096; i++)
        {
            _world.Hear(1, OverlayWorld.Announce($"x{i}"));
        }

        Assert.Equal(["drop TooManyServers"], _world.Hear(1, OverlayWorld.Announce("one-more")));
    }

    [Fact]
    public void What_one_server_announces_without_end_is_passed_on_a_thousand_times_a_second_and_the_others_are_heard()
    {
        _world.Open(1, 2);
        var passed = Enumerable.Range(0, 1_500).Count(load => _world.Hear(1, OverlayWorld.Announce("x", load)).Contains($"to 2: SERVER_ANNOUNCE x {load}"));

        Assert.Equal(1_000, passed);
        Assert.Equal(["drop TooManyAnnouncements"], _world.Hear(1, OverlayWorld.Announce("x")));
        Assert.Contains("to 1: SERVER_ANNOUNCE y 3", _world.Hear(2, OverlayWorld.Announce("y", load: 3)));
        _world.Pass(1_000);
        Assert.Contains("to 2: SERVER_ANNOUNCE x 7", _world.Hear(1, OverlayWorld.Announce("x", load: 7)));
    }

    [Fact]
    public void A_notice_that_is_none_is_dropped()
    {
        Assert.Equal(["drop Notice"], _world.Notice("B", "{bad"));
    }

    [Fact]
    public void Answers_carry_the_servers_id_where_that_is_asked_for()
    {
        var world = new OverlayWorld(OverlayWorld.Options with { TellsServer = true });
        world.Open(1);

        Assert.Contains("to 1: LOCK_ALLOWED ann s me", world.Do(output => world.Overlay.Answer(new LockQuestion("ann", "s", IsOurs: true), isAllowed: true, output)));
    }

    [Fact]
    public void Clients_of_a_server_that_stops_go_where_there_are_fewest()
    {
        Assert.Null(_world.Overlay.Refuge);
        _world.Meet("B", "b", load: 7);
        _world.Meet("C", "c", load: 6);

        Assert.Equal(new StreamerAddress("c.example", 3780), _world.Overlay.Refuge);
    }
}
