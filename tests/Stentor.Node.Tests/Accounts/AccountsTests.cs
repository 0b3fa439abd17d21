using System.Text;
using Stentor.Protocol;
using Stentor.Simulation;

namespace Stentor.Node.Tests;

public sealed class AccountsTests
{
    private static readonly NodeOptions FewRounds = new() { SecretIterations = 10 };

    [Fact]
    public async Task A_registered_secret_is_the_only_one_that_is_right()
    {
        await using var node = new TestNode(options: FewRounds);
        var accounts = node.Node.Accounts;

        Assert.Null(await accounts.RegisterAsync("alice", "sesame", default));

        Assert.True(await accounts.VerifyAsync("alice", "sesame", default));
        Assert.True(await accounts.VerifyAsync("alice", "sesame", default));
        Assert.False(await accounts.VerifyAsync("alice", "Sesame", default));
        Assert.False(await accounts.VerifyAsync("alice", "", default));
        Assert.False(await accounts.VerifyAsync("alic", "esesame", default));
        Assert.False(await accounts.VerifyAsync("bob", "sesame", default));
        Assert.False(await accounts.VerifyAsync("a b", "sesame", default));
        Assert.False(await accounts.VerifyAsync(new string('a', 1000), new string('b', 5000), default));
    }

    [Fact]
    public async Task A_username_belongs_to_whoever_was_first()
    {
        await using var node = new TestNode(options: FewRounds);
        var accounts = node.Node.Accounts;

        var refusals = await Task.WhenAll(Enumerable.Range(0, 10).Select(n => accounts.RegisterAsync("alice", $"secret {n}", default).AsTask()));

        var winner = Array.FindIndex(refusals, r => r is null);
        Assert.All(refusals.Where((_, n) => n != winner), r => Assert.Equal(ErrorType.Taken, r!.Type)); // One is null.
        Assert.True(await accounts.VerifyAsync("alice", $"secret {winner}", default));
        Assert.False(await accounts.VerifyAsync("alice", $"secret {(winner + 1) % 10}", default));
    }

    [Theory]
    [InlineData("anonymous")]
    [InlineData("operator")]
    [InlineData(Accounts.ForeignServer)]
    public async Task Names_that_stand_for_something_are_taken(string username)
    {
        await using var node = new TestNode(options: FewRounds);

        Assert.Equal(ErrorType.Taken, (await node.Node.Accounts.RegisterAsync(username, "x", default))?.Type);
        Assert.False(await node.Node.Accounts.VerifyAsync(username, "x", default));
    }

    [Fact]
    public async Task Nobody_logs_in_as_a_foreign_server_not_even_by_an_account_that_is_there()
    {
        await using var node = new TestNode(options: FewRounds);
        var hash = SecretHash.Make("x", 10);
        foreach (var username in new[] { "alice", Accounts.ForeignServer })
        {
            await node.PublishAsync($"_accounts.{username}", TestNode.Body($$$"""{"effect": {"set": {"secret": "{{{hash}}}", "username": "{{{username}}}"} } }"""), username);
        }

        Assert.True(await node.Node.Accounts.VerifyAsync("alice", "x", default));
        Assert.False(await node.Node.Accounts.VerifyAsync(Accounts.ForeignServer, "x", default));
    }

    [Fact]
    public async Task Names_that_differ_only_in_what_a_channel_cannot_hold_are_different()
    {
        await using var node = new TestNode(options: FewRounds);
        var accounts = node.Node.Accounts;
        string[] names = ["a.b", "a_b", "a_db", "a_ub", "a-b", "A.b"];

        foreach (var name in names)
        {
            Assert.Null(await accounts.RegisterAsync(name, $"of {name}", default));
        }

        foreach (var name in names)
        {
            foreach (var other in names)
            {
                Assert.Equal(name == other, await accounts.VerifyAsync(name, $"of {other}", default));
            }
        }
    }

    [Fact]
    public async Task The_operator_is_whoever_knows_the_operators_secret()
    {
        await using var node = new TestNode(options: FewRounds);
        var accounts = node.Node.Accounts;

        Assert.False(await accounts.VerifyAsync("operator", "", default));
        accounts.SetOperatorSecret("of the file");

        Assert.True(await accounts.VerifyAsync("operator", "of the file", default));
        Assert.False(await accounts.VerifyAsync("operator", "of the fil", default));
    }

    [Fact]
    public async Task A_secret_is_kept_as_a_salted_hash()
    {
        await using var node = new TestNode(options: FewRounds);
        await node.Node.Accounts.RegisterAsync("alice", "sesame", default);
        await node.Node.Accounts.RegisterAsync("bob", "sesame", default);

        var alice = Encoding.UTF8.GetString(node.Node.Store.Find("_accounts.alice")!.Field("secret").Span); // Registered.
        var bob = Encoding.UTF8.GetString(node.Node.Store.Find("_accounts.bob")!.Field("secret").Span);

        Assert.StartsWith("\"pbkdf2-sha256$10$", alice);
        Assert.NotEqual(alice, bob);
        Assert.DoesNotContain("sesame", alice, StringComparison.Ordinal);
        Assert.True(SecretHash.Verify("sesame", alice.Trim('"')));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("pbkdf2-sha256$10$AAAA$AAAA")]
    [InlineData("pbkdf2-sha256$0$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("plain$10$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public void A_form_that_is_none_matches_nothing(string form) => Assert.False(SecretHash.Verify("", form));

    [Fact]
    public async Task A_session_is_good_until_it_is_closed_or_over()
    {
        var time = new ShiftedTime();
        await using var node = new TestNode(options: FewRounds with { SessionLifetime = TimeSpan.FromHours(1) }, time: time);
        var accounts = node.Node.Accounts;

        var (one, expires, _) = await accounts.OpenSessionAsync("alice", default);
        var (two, _, _) = await accounts.OpenSessionAsync("alice", default);

        Assert.Equal(("alice", "alice"), (accounts.WhoIs(one!), accounts.WhoIs(two!))); // Nothing refused.
        Assert.InRange(expires - time.GetUtcNow(), TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(60));
        Assert.Null(await accounts.CloseSessionAsync(one!, default));
        Assert.Null(accounts.WhoIs(one!));
        Assert.Equal(ErrorType.Unauthenticated, (await accounts.CloseSessionAsync(one!, default))?.Type);
        Assert.Equal("alice", accounts.WhoIs(two!));
        time.Shift = TimeSpan.FromMinutes(61);
        Assert.Null(accounts.WhoIs(two!));
        Assert.Null(accounts.WhoIs("x"));
    }

    [Fact]
    public async Task A_proof_holds_no_longer_than_what_it_rests_on()
    {
        var time = new ShiftedTime();
        await using var node = new TestNode(options: FewRounds, time: time);
        var accounts = node.Node.Accounts;
        await accounts.RegisterAsync("alice", "sesame", default);

        var secret = await accounts.CheckSecretAsync("alice", "sesame", default);
        var (token, _, _) = await accounts.OpenSessionAsync("alice", default);
        var session = accounts.CheckToken(token!); // Opened.

        Assert.True(secret!.Holds && session!.Holds); // Both were right.
        await accounts.CloseSessionAsync(token!, default);
        Assert.True(secret.Holds);
        Assert.False(session.Holds);
        await node.Node.PublishAsync("_accounts.alice", "alice", TestNode.Body("""{"effect": {"set": {"secret": "another"}}}"""), default);
        Assert.False(secret.Holds);
        Assert.Null(accounts.Recall("alice", "sesame"));
        Assert.False(await accounts.VerifyAsync("alice", "sesame", default));
    }

    [Fact]
    public async Task A_verified_secret_is_forgotten_after_a_while()
    {
        var time = new ShiftedTime();
        await using var node = new TestNode(options: FewRounds, time: time);
        var accounts = node.Node.Accounts;
        await accounts.RegisterAsync("alice", "sesame", default);

        await accounts.VerifyAsync("alice", "sesame", default);

        Assert.NotNull(accounts.Recall("alice", "sesame"));
        Assert.Null(accounts.Recall("alice", "sesam"));
        time.Shift = Accounts.RememberFor + TimeSpan.FromSeconds(1);
        Assert.Null(accounts.Recall("alice", "sesame"));
        Assert.True(await accounts.VerifyAsync("alice", "sesame", default));
    }

    [Fact]
    public async Task Accounts_and_sessions_are_there_again_after_a_crash()
    {
        var disk = new SimulatedDisk();
        string? token;
        await using (var before = new TestNode(disk, FewRounds))
        {
            await before.Node.Accounts.RegisterAsync("alice", "sesame", default);
            (token, _, _) = await before.Node.Accounts.OpenSessionAsync("alice", default);
        }

        disk.CutPower();
        await using var after = new TestNode(disk, FewRounds);

        Assert.True(await after.Node.Accounts.VerifyAsync("alice", "sesame", default));
        Assert.Equal("alice", after.Node.Accounts.WhoIs(token!)); // Opened.
    }

    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
    }
}
