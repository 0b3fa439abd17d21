using System.Text;
using Stentor.Protocol;

namespace Stentor.Client.Tests;

/// <summary>What docs/client.md quotes, word for word, and what stands around it so that it runs.</summary>
/// <param name="client">A client of a real server, as <c>ada</c>.</param>
/// <param name="handle">Told what a snippet handles.</param>
internal sealed class Snippets(StentorClient client, Action<ReceivedActivity> handle)
{
    private string? _saved;

    public static async Task StartAsync(string secret)
    {
        await using var client = new StentorClient(new StentorClientOptions
        {
            Addresses = [new("http://127.0.0.1:5050"), new("http://127.0.0.1:5051")],
            Username = "ada",
            Secret = secret,
        });
    }

    public async Task RegisterAsync(string secret)
    {
        await client.RegisterAsync("grace", secret);
        var session = await client.OpenSessionAsync();
        await client.CloseSessionAsync(session.Token);
    }

    public async Task PublishAsync()
    {
        var outcome = await client.PublishAsync(Publish.Json("chat.general", """{"type": "Note", "content": "Good morning"}"""));
        Console.WriteLine($"recorded as {outcome.Origin}:{outcome.Seq} at {outcome.Time}");
    }

    public async Task PublishEffectsAsync()
    {
        var effect = new EffectBuilder().Set("home", "SWE").Set("away", "CAN").Add("ends", 1).Build();
        var score = new Score("Score", "SWE", 3);
        await client.PublishAsync(Publish.Of("scores.curling", score) with { Effect = effect, IfExists = false });

        try
        {
            await client.PublishAsync(Publish.Of("scores.curling", score) with { IfExists = false });
        }
        catch (StentorException e) when (e.Type == ErrorType.ConditionNotMet)
        {
            Console.WriteLine($"There is a score already. {e.Detail}");
        }
    }

    public async Task PublishManyAsync(string path, CancellationToken cancellationToken)
    {
        var lines = File.ReadLinesAsync(path, cancellationToken);
        var publishes = lines.Select(line => Publish.Parse("chat.general", Encoding.UTF8.GetBytes(line)));
        await foreach (var result in client.PublishAsync(publishes, cancellationToken))
        {
            if (result.Error is not null)
            {
                Console.WriteLine($"refused: {result.Error.Detail}");
            }
        }
    }

    public async Task SubscribeAsync(CancellationToken cancellationToken)
    {
        await foreach (var received in client.Subscribe("chat.>").WithCancellation(cancellationToken))
        {
            Console.WriteLine($"{received.Author} in {received.Channel}: {received.Json.GetProperty("content")}");
        }
    }

    public async Task ResumeAsync(CancellationToken cancellationToken)
    {
        var options = new SubscribeOptions { After = await LoadAsync() ?? SubscribeOptions.Start };
        await foreach (var received in client.Subscribe(["chat.>", "scores.*"], options).WithCancellation(cancellationToken))
        {
            Handle(received);
            await SaveAsync(received.Seen);
        }
    }

    public async Task AskAsync(CancellationToken cancellationToken)
    {
        await using var answers = client.Subscribe("answers.ada");
        await answers.OpenAsync(cancellationToken);
        await client.PublishAsync(Publish.Json("questions", """{"type": "Question", "replyTo": "answers.ada"}"""), cancellationToken);
        await foreach (var answer in answers.WithCancellation(cancellationToken))
        {
            Handle(answer);
            break;
        }
    }

    public async Task ReadAsync()
    {
        var page = await client.ReadAsync("chat.general", new ReadOptions { Newest = true, Limit = 20 });
        foreach (var received in page.Activities)
        {
            Console.WriteLine(received.As<Note>()?.Content);
        }
    }

    public async Task ReadStateAsync()
    {
        var state = await client.GetStateAsync("scores.curling");
        if (state is not null)
        {
            Console.WriteLine($"{state.Field<string>("home")} after {state.Field<int>("ends")} ends, version {state.Version}");
        }
    }

    public async Task ReadInboxAsync(CancellationToken cancellationToken)
    {
        await client.PutInboxAsync("alerts", ["alerts.>"], cancellationToken);
        await foreach (var received in client.ReadInboxAsync("alerts", cancellationToken))
        {
            Handle(received);
        }
    }

    public async Task ClusterAsync(OriginId lost, OriginId successor)
    {
        var cluster = await client.GetVotersAsync();
        Console.WriteLine($"{cluster.Majority} of {string.Join(", ", cluster.Voters)} decide");
        await client.ReplaceVoterAsync(lost, successor);
    }

    private void Handle(ReceivedActivity received) => handle(received);

    private Task<string?> LoadAsync() => Task.FromResult(_saved);

    private Task SaveAsync(string seen)
    {
        _saved = seen;
        return Task.CompletedTask;
    }

    private sealed record Score(string Type, string Home, int Points);

    private sealed record Note(string Content);
}
