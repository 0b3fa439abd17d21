using Stentor.Protocol;
using Xunit;

namespace Stentor.Replication.Tests;

/// <summary>Claims and votes, as stories of a few regions.</summary>
public sealed class ClaimTests
{
    private const string Alice = "_accounts.alice";

    private readonly ClaimRegion _eu = new("eu-1");
    private readonly ClaimRegion _us = new("us-2");
    private readonly ClaimRegion _asia = new("asia-3");

    [Fact]
    public void The_only_voter_decides_at_once()
    {
        _eu.Found(_eu.Origin);

        var claim = _eu.Claim(Alice, "one");
        var second = _eu.Claim(Alice, "two");

        Assert.Equal(("one", "one"), (claim!.ClaimId, claim.Decision!.Claim!.Id));
        Assert.Equal((null, "one"), (second!.ClaimId, second.Decision!.Claim!.Id));
        Assert.Equal(3, _eu.Ledger.Count); // The cluster, the claim, the vote.
    }

    [Fact]
    public void Without_a_cluster_nothing_is_claimed()
    {
        var outcome = _eu.Apply(new Command.Claim(Alice, "ann", "one", "{}"u8.ToArray()));

        Assert.Equal(ErrorType.ConditionNotMet, outcome!.Value.Refusal!.Type);
        Assert.Empty(_eu.Ledger);
    }

    [Theory]
    [InlineData("scores.curling", "one", "{}", ErrorType.Malformed)]
    [InlineData("_voters.1", "one", """["eu-1"]""", ErrorType.Malformed)]
    [InlineData("_voters.02", "one", """["eu-1"]""", ErrorType.Malformed)]
    [InlineData("_accounts.alice", "o.ne", "{}", ErrorType.Malformed)]
    [InlineData("_voters.2", "one", "[]", ErrorType.Malformed)]
    [InlineData("_voters.2", "one", """["a","a"]""", ErrorType.Malformed)]
    [InlineData("_voters.2", "one", """["a","b","c","d","e","f","g","h"]""", ErrorType.Malformed)]
    [InlineData("_voters.3", "one", """["eu-1"]""", ErrorType.ConditionNotMet)]
    public void What_cannot_be_claimed_is_refused(string channel, string id, string value, string type)
    {
        _eu.Found(_eu.Origin);

        var outcome = _eu.Apply(new Command.Claim(channel, "ann", id, System.Text.Encoding.UTF8.GetBytes(value)));

        Assert.Equal(type, outcome!.Value.Refusal!.Type);
    }

    [Fact]
    public void A_name_is_decided_when_a_majority_has_voted_for_it()
    {
        Together();

        var claim = _eu.Claim(Alice, "one");
        _us.Take(_eu);

        Assert.Null(claim!.Decision); // One vote of three.
        Assert.Equal("one", _us.Decided(Alice)); // Two.
        Assert.Null(_eu.Decided(Alice));
        _eu.Take(_us);
        Assert.Equal("one", _eu.Decided(Alice));
    }

    [Fact]
    public void Of_two_that_claim_at_the_same_time_the_one_with_more_votes_wins_everywhere()
    {
        Together();

        _eu.Claim(Alice, "of-eu");
        _us.Claim(Alice, "of-us");
        _asia.Take(_us);
        _asia.Take(_eu);

        Assert.Equal("of-us", _asia.Decided(Alice));
        Exchange();
        Assert.Equal(("of-us", "of-us"), (_eu.Decided(Alice), _us.Decided(Alice)));
    }

    [Fact]
    public void When_all_votes_are_in_without_a_majority_the_earliest_claim_wins()
    {
        Together();
        _asia.Wall -= 1_000_000;

        _eu.Claim(Alice, "of-eu");
        _us.Claim(Alice, "of-us");
        _asia.Claim(Alice, "of-asia");

        _eu.Take(_us);
        Assert.Null(_eu.Decided(Alice));
        Exchange();
        Assert.Equal(("of-asia", "of-asia", "of-asia"), (_eu.Decided(Alice), _us.Decided(Alice), _asia.Decided(Alice)));
    }

    [Fact]
    public void A_region_has_one_undecided_claim_a_name()
    {
        Together();
        _eu.Claim(Alice, "one");
        var entries = _eu.Ledger.Count;

        var again = _eu.Claim(Alice, "two");

        Assert.Equal(("one", null), (again!.ClaimId, again.Decision));
        Assert.Equal(entries, _eu.Ledger.Count);
    }

    [Fact]
    public void An_account_that_is_older_than_the_cluster_stays_whose_it_is()
    {
        _eu.Apply(new Command.Publish(Alice, "alice", Body("""{"effect":{"set":{"secret":"x","username":"alice"}}}""")));
        _eu.Found(_eu.Origin);

        var claim = _eu.Claim(Alice, "one");

        Assert.Equal(new ClaimOutcome(null, new Decision(0, null)), claim);
        Assert.Equal("older than the cluster", _eu.Decided(Alice));
    }

    [Fact]
    public void A_claim_or_vote_in_anothers_name_does_not_count()
    {
        Together();
        _us.Apply(new Command.Publish(Alice, "us", Body("""{"effect":{"set":{"claim/x":{"origin":"eu-1","value":{}},"claim/y":{"origin":"us-2","value":{}},"vote/eu-1/2":"y","vote/us-2/2":"x"}}}""")));

        var claims = ClaimState.Read(Alice, _us.State(Alice));

        Assert.Equal("y", Assert.Single(claims.Claims).Id);
        Assert.Equal(_us.Origin, Assert.Single(claims.Votes).Voter); // Its own, which its replica cast for what it saw.
    }

    [Fact]
    public void A_voter_set_is_decided_by_the_one_before_it()
    {
        _eu.Found(_eu.Origin);

        var one = _eu.Propose("p1", _eu.Origin, _us.Origin, _asia.Origin);
        _us.Take(_eu);
        _us.Propose("p2", _us.Origin, _asia.Origin);

        Assert.NotNull(one!.Decision);
        Assert.Equal(2, _us.Sets!.Current.Version);
        _asia.Take(_us);
        Assert.Equal("asia-3, us-2", _asia.Sets!.Current.ToString());
        Assert.Equal((3, 2), (_asia.Sets.Current.Version, _asia.Sets.Current.Majority));
    }

    [Fact]
    public void A_proposal_beside_one_that_is_not_decided_is_not_made()
    {
        Together();
        _eu.Propose("p1", _eu.Origin);
        _us.Take(_eu, countMax: 1);

        var second = _us.Propose("p2", _us.Origin);

        Assert.Equal("p1", second!.ClaimId);
        Assert.Single(ClaimState.Read("_voters.3", _us.State("_voters.3")).Claims);
    }

    [Fact]
    public void Two_that_propose_the_same_set_do_not_split_the_votes()
    {
        Together();

        _eu.Propose("p1", _eu.Origin, _us.Origin);
        _us.Propose("p2", _us.Origin, _eu.Origin);
        _eu.Take(_us);

        Assert.Equal("eu-1, us-2", _eu.Sets!.Current.ToString());
        Assert.Equal(3, _eu.Sets.Current.Version);
    }

    [Fact]
    public void A_voter_that_has_voted_for_the_next_set_votes_no_more_under_this_one()
    {
        Together();
        _eu.Propose("p1", _eu.Origin, _us.Origin);

        _eu.Claim(Alice, "one");

        Assert.False(ClaimState.Read(Alice, _eu.State(Alice)).HasVoted(_eu.Origin, 2));
        _us.Take(_eu);
        _eu.Take(_us);
        Assert.Equal("one", _eu.Decided(Alice)); // Under version 3.
        Assert.True(ClaimState.Read(Alice, _eu.State(Alice)).HasVoted(_eu.Origin, 3));
    }

    [Fact]
    public void A_name_that_the_old_set_may_have_decided_is_voted_for_by_the_new_one()
    {
        Together();
        _asia.Claim(Alice, "of-asia"); // One vote; then asia is cut off.
        _us.Take(_asia);               // Two: decided, but only us knows.
        var ofEu = _eu.Claim(Alice, "of-eu");
        Assert.Null(ofEu!.Decision);

        _eu.Propose("p1", _eu.Origin, _us.Origin);
        _us.Take(_eu);
        _eu.Take(_us);

        Assert.Equal(("of-asia", "of-asia"), (_eu.Decided(Alice), _us.Decided(Alice)));
    }

    [Fact]
    public void A_name_that_waits_is_voted_on_when_the_set_changes()
    {
        Founded(_eu, _us);
        _us.Propose("p1", _eu.Origin); // Closes version 1 for us, before it has seen the claim.
        _eu.Claim(Alice, "one");
        _us.Take(_eu);
        Assert.Null(_us.Decided(Alice));

        _eu.Take(_us);

        // eu voted under version 1, where us abstained; and again, alone, under version 2.
        Assert.Equal("one", _eu.Decided(Alice));
        Assert.Equal([1, 2], ClaimState.Read(Alice, _eu.State(Alice)).Votes.Select(v => v.Version).Order());
    }

    [Fact]
    public void A_name_on_which_a_lost_voter_may_have_decided_waits_for_ever()
    {
        Together();
        _eu.Claim(Alice, "of-eu");
        _us.Claim(Alice, "of-us");

        // asia may have voted for either, and told someone; its disk is gone.
        var asia = new ClaimRegion("asia-4");
        _eu.Propose("p1", _eu.Origin, _us.Origin, asia.Origin);
        _us.Take(_eu);
        _eu.Take(_us);
        asia.Take(_eu);
        _eu.Take(asia);

        Assert.Equal("asia-4, eu-1, us-2", _eu.Sets!.Current.ToString());
        Assert.Null(_eu.Decided(Alice));
        Assert.Equal(2, ClaimState.Read(Alice, _eu.State(Alice)).Votes.Count);
    }

    [Fact]
    public void A_name_that_several_lost_voters_may_have_decided_either_way_waits_although_one_abstained()
    {
        ClaimRegion africa = new("africa-4"), oceania = new("oceania-5");
        ClaimRegion[] left = [_eu, _us, _asia];
        _eu.Found(_eu.Origin, _us.Origin, _asia.Origin, africa.Origin, oceania.Origin);
        _us.Take(_eu);
        _asia.Take(_eu);
        _eu.Claim(Alice, "of-eu");
        _us.Claim(Alice, "of-us");

        // asia closes version 1 before it has seen a claim; both others are gone, and may have voted together for either.
        _asia.Propose("p1", [.. left.Select(r => r.Origin)]);
        Exchange();

        Assert.Equal(2, _eu.Sets!.Current.Version);
        Assert.Null(_eu.Decided(Alice));
        Assert.DoesNotContain(ClaimState.Read(Alice, _eu.State(Alice)).Votes, v => v.Version == 2);
    }

    [Fact]
    public void A_vote_that_a_crash_cut_off_is_cast_when_the_name_is_considered()
    {
        _eu.Found(_eu.Origin);
        _eu.ApplyAndCrash(new Command.Claim(Alice, "ann", "one", "{}"u8.ToArray()), durable: 1);
        Assert.Null(_eu.Decided(Alice));

        _eu.Consider(Alice);

        Assert.Equal("one", _eu.Decided(Alice));
    }

    [Fact]
    public void A_replay_makes_no_entries_and_no_second_vote()
    {
        Together();
        _eu.Claim(Alice, "one");
        var entries = _eu.Ledger.Count;

        _eu.Crash();
        _eu.ConsiderAll();

        Assert.Equal(entries, _eu.Ledger.Count);
    }

    [Fact]
    public void A_vote_that_the_disk_did_not_take_was_never_cast()
    {
        Together();
        _us.Claim(Alice, "one");
        _eu.ApplyInVain(new Command.Receive(_us.Ledger[^2]));
        Assert.Null(_eu.State(Alice));

        _eu.Take(_us);

        Assert.Equal("one", _eu.Decided(Alice));
    }

    [Fact]
    public void A_set_that_the_disk_did_not_take_was_never_decided()
    {
        _eu.Found(_eu.Origin);
        _eu.ApplyInVain(new Command.Claim("_voters.2", "operator", "p1", VoterSet.Of(2, [_us.Origin]).ToJson()));

        _eu.Claim(Alice, "one");

        Assert.Equal("one", _eu.Decided(Alice));
        Assert.Equal(1, _eu.Sets!.Current.Version);
    }

    [Fact]
    public void A_region_that_is_no_voter_casts_no_vote()
    {
        _eu.Found(_eu.Origin);
        _us.Take(_eu);

        var claim = _us.Claim(Alice, "one");

        Assert.Null(claim!.Decision);
        Assert.Empty(ClaimState.Read(Alice, _us.State(Alice)).Votes);
        _eu.Take(_us);
        Assert.Equal("one", _eu.Decided(Alice));
    }

    private static PublishBody Body(string json) => PublishBody.Parse(System.Text.Encoding.UTF8.GetBytes(json), Limits.Default);

    /// <summary>eu founds a cluster, and all three are its voters, by version 2.</summary>
    private void Together()
    {
        _eu.Found(_eu.Origin);
        _eu.Propose("p0", _eu.Origin, _us.Origin, _asia.Origin);
        Exchange();
    }

    private static void Founded(ClaimRegion founder, ClaimRegion other)
    {
        founder.Found(founder.Origin, other.Origin);
        other.Take(founder);
    }

    private void Exchange()
    {
        ClaimRegion[] all = [_eu, _us, _asia];
        while (all.Sum(region => all.Sum(other => region.Take(other))) > 0)
        {
            // Until nobody has anything new for anybody.
        }
    }
}
