using Stentor.Protocol;

namespace Stentor.Client.Tests;

public sealed class InboxTests
{
    [Fact]
    public async Task An_inbox_is_made_with_its_channels()
    {
        await using var server = new FakeServer { OnRequest = _ => new FakeAnswer(201, "{}") };
        await using var client = Clients.Of(server);

        await client.PutInboxAsync("alerts", ["chat.>", "scores.curling"]);
        await client.PutInboxAsync("alerts", ["chat.>"], after: "AQ");

        Assert.Equal(
            [("PUT", "/v1/inboxes/alerts", "{\"channels\":[\"chat.>\",\"scores.curling\"]}"), ("PUT", "/v1/inboxes/alerts", "{\"channels\":[\"chat.>\"],\"after\":\"AQ\"}")],
            server.Requests.Select(r => (r.Method, r.Target, r.Body)));
        Assert.Equal(ErrorType.Malformed, (await Assert.ThrowsAsync<StentorException>(() => client.PutInboxAsync("no.inbox", ["chat"]))).Type);
    }

    [Fact]
    public async Task What_the_consumer_has_handled_is_acknowledged_and_the_next_page_follows()
    {
        var inbox = new FakeInbox(pages: 2);
        await using var server = new FakeServer { OnRequest = inbox.Answer };
        await using var client = Clients.Of(server);

        var read = await client.ReadInboxAsync("alerts").Take(4).ToListAsync();

        Assert.Equal([1, 2, 3, 4], read.Select(a => a.Seq));
        Assert.Equal("eu-1:3", Clients.Show(inbox.Acknowledged[^1]));
    }

    [Fact]
    public async Task What_the_consumer_holds_when_it_leaves_comes_again()
    {
        var inbox = new FakeInbox(pages: 1);
        await using var server = new FakeServer { OnRequest = inbox.Answer };
        await using var client = Clients.Of(server);
        using var cancellation = new CancellationTokenSource();

        var first = new List<long>();
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await foreach (var activity in client.ReadInboxAsync("alerts"))
            {
                first.Add(activity.Seq);
                if (activity.Seq == 2)
                {
                    throw new InvalidDataException("cannot handle this one");
                }
            }
        });
        var second = await client.ReadInboxAsync("alerts").Take(1).ToListAsync();

        Assert.Equal([1, 2], first);
        Assert.Equal(2, Assert.Single(second).Seq);
    }

    [Fact]
    public async Task Cancelling_ends_the_wait_for_mail()
    {
        using var cancellation = new CancellationTokenSource();
        var inbox = new FakeInbox(pages: 1);
        await using var server = new FakeServer();
        server.OnRequest = request =>
        {
            if (inbox.Acknowledged.Count == 1)
            {
                cancellation.Cancel();
                return new FakeAnswer(0);
            }

            return inbox.Answer(request);
        };
        await using var client = Clients.Of(server);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.ReadInboxAsync("alerts").ToListAsync(cancellation.Token).AsTask());

        Assert.Equal("eu-1:2", Clients.Show(Assert.Single(inbox.Acknowledged)));
    }

    [Fact]
    public async Task An_inbox_that_nobody_made_is_not_found()
    {
        await using var server = new FakeServer { OnRequest = _ => ReadTests.Problem(404, ErrorType.NotFound) };
        await using var client = Clients.Of(server);

        Assert.Equal(ErrorType.NotFound, (await Assert.ThrowsAsync<StentorException>(() => client.ReadInboxAsync("alerts").ToListAsync().AsTask())).Type);
    }

    /// <summary>An inbox with two activities a page.</summary>
    private sealed class FakeInbox(int pages)
    {
        private readonly FakeRegion _region = new();
        private readonly List<string> _entries = [];

        public List<string> Acknowledged { get; } = [];

        public FakeAnswer Answer(FakeRequest request)
        {
            while (_entries.Count < pages * 2)
            {
                _entries.Add(_region.Record("chat"));
            }

            if (request.Method == "POST")
            {
                Acknowledged.Add(request.Body.Split('"')[3]);
                return new FakeAnswer(200, "{}");
            }

            var seen = Acknowledged.Select(SeenToken.Decode).Aggregate(VersionVector.Empty, (all, one) => all.Merge(one))[_region.Origin];
            var page = _entries.Skip((int)seen).Take(2).ToArray();
            return ReadTests.Page(VersionVector.Of(_region.Origin, seen + page.Length), more: false, page);
        }
    }
}
