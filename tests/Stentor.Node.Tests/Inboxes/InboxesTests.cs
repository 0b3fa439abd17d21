using Stentor.Protocol;
using Stentor.Simulation;

namespace Stentor.Node.Tests;

public sealed class InboxesTests
{
    private static readonly ChannelPattern[] Chat = [ChannelPattern.Parse("chat.>")];

    [Fact]
    public async Task A_cursor_goes_forward_and_never_back()
    {
        await using var node = new TestNode();
        var inboxes = node.Node.Inboxes;
        var (made, _) = await inboxes.PutAsync("alice", "phone", Chat, null, default);
        var one = await PublishAsync(node, "chat.a");
        var two = await PublishAsync(node, "chat.b");

        Assert.Null(await inboxes.AckAsync("alice", "phone", two, default));
        Assert.Null(await inboxes.AckAsync("alice", "phone", one, default));

        Assert.True(two.Covers(made!.Seen)); // Made.
        Assert.Equal(two, inboxes.Find("alice", "phone")?.Seen);
    }

    [Fact]
    public async Task Cursors_moved_at_the_same_moment_end_at_the_furthest()
    {
        await using var node = new TestNode();
        var inboxes = node.Node.Inboxes;
        await inboxes.PutAsync("alice", "phone", Chat, null, default);
        var seen = new List<VersionVector>();
        for (var n = 0; n < 8; n++)
        {
            seen.Add(await PublishAsync(node, "chat.a"));
        }

        var refusals = await Task.WhenAll(seen.Select(s => Task.Run(() => inboxes.AckAsync("alice", "phone", s, default).AsTask())));

        Assert.All(refusals, Assert.Null);
        Assert.True(inboxes.Find("alice", "phone")?.Seen.Covers(seen[^1]));
    }

    [Fact]
    public async Task A_token_beyond_what_the_region_has_seen_is_behind_and_moves_nothing()
    {
        await using var node = new TestNode();
        var inboxes = node.Node.Inboxes;
        var (made, _) = await inboxes.PutAsync("alice", "phone", Chat, null, default);

        var refusal = await inboxes.AckAsync("alice", "phone", VersionVector.Of(node.Node.Store.Origin, 1_000), default);

        Assert.Equal(ErrorType.Behind, refusal?.Type);
        Assert.Equal(made?.Seen, inboxes.Find("alice", "phone")?.Seen);
    }

    [Fact]
    public async Task What_does_not_exist_is_not_found()
    {
        await using var node = new TestNode();
        var inboxes = node.Node.Inboxes;
        await inboxes.PutAsync("alice", "phone", Chat, null, default);

        Assert.Null(inboxes.Find("alice", "desk"));
        Assert.Null(inboxes.Find("bob", "phone"));
        Assert.Null(inboxes.Find("alice", "a.b"));
        Assert.Equal(ErrorType.NotFound, (await inboxes.AckAsync("bob", "phone", VersionVector.Empty, default))?.Type);
        Assert.Equal(ErrorType.NotFound, (await inboxes.AckAsync("alice", "a.b", VersionVector.Empty, default))?.Type);
    }

    [Fact]
    public async Task Owners_whose_names_look_alike_have_inboxes_of_their_own()
    {
        await using var node = new TestNode();
        var inboxes = node.Node.Inboxes;
        await inboxes.PutAsync("a.b", "c", Chat, null, default);

        Assert.NotNull(inboxes.Find("a.b", "c"));
        Assert.Null(inboxes.Find("a", "c"));
        Assert.Null(inboxes.Find("a_db", "c"));
        Assert.Null(inboxes.Find("a_b", "c"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.b")]
    [InlineData("a b")]
    [InlineData(">")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public async Task A_name_is_one_token(string name)
    {
        await using var node = new TestNode();

        Assert.Equal(ErrorType.Malformed, (await node.Node.Inboxes.PutAsync("alice", name, Chat, null, default)).Refusal?.Type);
    }

    [Fact]
    public async Task An_inbox_that_is_changed_keeps_its_cursor()
    {
        await using var node = new TestNode();
        var inboxes = node.Node.Inboxes;
        var (made, _) = await inboxes.PutAsync("alice", "phone", Chat, VersionVector.Empty, default);
        await PublishAsync(node, "chat.a");

        var (changed, _) = await inboxes.PutAsync("alice", "phone", [ChannelPattern.Parse("a"), ChannelPattern.Parse("*.b")], node.Node.Seen, default);

        Assert.Equal((VersionVector.Empty, VersionVector.Empty), (made?.Seen, changed?.Seen));
        Assert.Equal(["a", "*.b"], inboxes.Find("alice", "phone")!.Channels.Select(c => c.Text)); // Made.
    }

    [Fact]
    public async Task An_inbox_is_there_again_after_a_crash()
    {
        var disk = new SimulatedDisk();
        VersionVector seen;
        await using (var before = new TestNode(disk))
        {
            await before.Node.Inboxes.PutAsync("alice", "phone", Chat, null, default);
            seen = await PublishAsync(before, "chat.a");
            await before.Node.Inboxes.AckAsync("alice", "phone", seen, default);
        }

        disk.CutPower();
        await using var after = new TestNode(disk);

        var inbox = after.Node.Inboxes.Find("alice", "phone");
        Assert.Equal(("chat.>", seen), (inbox?.Channels[0].Text, inbox?.Seen));
    }

    private static async Task<VersionVector> PublishAsync(TestNode node, string channel)
    {
        var outcome = await node.Node.PublishAsync(channel, "alice", TestNode.Body("""{"activity": {}}"""), default);
        Assert.Null(outcome.Refusal);
        return outcome.Seen;
    }
}
