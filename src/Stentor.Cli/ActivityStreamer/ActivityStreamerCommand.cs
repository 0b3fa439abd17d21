using System.CommandLine;
using System.CommandLine.Parsing;
using System.Security.Cryptography;
using Stentor.Cli.Clients;
using Stentor.Cli.CommandLine;
using Stentor.Cli.Publishing;
using Stentor.Gateways;
using Stentor.Protocol;

namespace Stentor.Cli.ActivityStreamer;

/// <summary><c>stentor activity-streamer</c>: a client of the Activity Streamer protocol on a terminal or in a pipe, for any server of it.</summary>
internal sealed class ActivityStreamerCommand : ExampleCommand
{
    private const string ClearLine = "\r\e[K";

    // 36 to the 26th: 134 bits, in letters and digits that no other program chokes on.
    private const string SecretLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
    private const int SecretLength = 26;

    private readonly Surroundings _around;

    private readonly Option<StreamerServer[]> _server = new("--server")
    {
        Description = "The server; may be repeated: the next one is tried when one does not answer. tls:// in front connects with TLS, and stays with TLS where the server sends the client.",
        HelpName = "HOST:PORT",
        DefaultValueFactory = _ => [StreamerServer.Default],
        CustomParser = result => [.. result.Tokens.Select(token => Server(token.Value, result))],
    };

    private readonly Option<string?> _host = new("-rh") { Description = "The server's host.", HelpName = "HOST", Hidden = true };
    private readonly Option<int> _port = CommonOptions.Number("-rp", "The server's port.", "N", StreamerServer.Default.Port, 1, ushort.MaxValue);

    private readonly Option<string?> _username = new Option<string?>("--username", "-u")
    {
        Description = "Who logs in (-u). Without it, anonymous.",
        HelpName = "NAME",
    }.By(text => text.Length is > 0 and <= Gateways.StreamerMessage.TextLengthMax ? null : "a username is not empty, and not that long.");

    private readonly Option<string?> _secret = new("--secret", "-s")
    {
        Description = "The secret (-s). Every user of the machine can read it in the list of processes; --secret-file keeps it to yourself.",
        HelpName = "SECRET",
    };

    private readonly Option<string?> _secretFile = new("--secret-file") { Description = "The file with the secret, in its first line. On a terminal it is asked for when none is given.", HelpName = "FILE" };
    private readonly Option<bool> _register = new("--register") { Description = "Register the username first. Without a secret one is made, and shown once on standard error." };
    private readonly Option<bool> _anonymous = new("--anonymous") { Description = "Log in as anonymous." };

    private readonly Option<int> _wait = CommonOptions.Number(
        "--wait", "Go on listening for so many seconds after the end of the input. No answer says that an activity arrived, but most servers send it to its publisher too.", "N", 0, 0, 86_400);

    private readonly Option<bool> _json = CommonOptions.Json("Print activities as they are broadcast, as JSON, one a line.");

    /// <summary>Makes the command.</summary>
    /// <param name="around">What it finds around it.</param>
    public ActivityStreamerCommand(Surroundings around)
        : base("activity-streamer", "Talk to an Activity Streamer server, ours or another: each line is published, a JSON object as it is, other text as a Note.")
    {
        _around = around;
        _port.Hidden = true;
        foreach (var option in (ReadOnlySpan<Option>)[_server, _host, _port, _username, _secret, _secretFile, _register, _anonymous, _wait, _json])
        {
            Add(option);
        }

        SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples =>
    [
        "stentor activity-streamer",
        "# register, log in, talk",
        "stentor activity-streamer --server 127.0.0.1:3780 --username ada --secret-file ada.secret --register",
        "# every activity for a program, from the first server that answers",
        "stentor activity-streamer --server tls://eu.example.org:3781 --server tls://us.example.org:3781 --json | my-program",
        "# publish every line of a file, and print what comes for two more seconds",
        "stentor activity-streamer --username ada --secret-file ada.secret --wait 2 < activities.ndjson",
        "# as the skeleton of 2016 was called",
        "stentor activity-streamer -u ada -s correct-horse -rh 127.0.0.1 -rp 3780",
    ];

    /// <inheritdoc/>
    public override bool IsGiven(ParseResult parsed, Option option)
    {
        // What the command line says in one way is not taken from a variable in another.
        IReadOnlyList<Option> ways = option == _server ? [_server, _host, _port]
            : option == _secret || option == _secretFile ? [_secret, _secretFile, _anonymous]
            : option == _username || option == _register ? [option, _anonymous]
            : option == _anonymous ? [_anonymous, _username]
            : [option];
        return ways.Any(way => base.IsGiven(parsed, way));
    }

    private static StreamerServer Server(string text, ArgumentResult result)
    {
        if (!StreamerServer.TryParse(text, out var server))
        {
            result.AddError($"'{Printable.Cut(text)}' is not a value for --server: HOST:PORT like {StreamerServer.Default}, or tls://HOST:PORT.");
        }

        return server;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var session = new StreamerSession(SessionOptions(parsed), TimeProvider.System);
        var publishing = PublishAsync(session, TimeSpan.FromSeconds(parsed.GetValue(_wait)), over.Token);
        try
        {
            await Task.WhenAll(OrCancelAsync(session.RunAsync(over.Token), over), OrCancelAsync(publishing, over));
        }
        catch (StreamerException e)
        {
            throw new CommandException(e.Message);
        }

        var isComplete = await publishing && !session.MayHaveLost;
        return isComplete || _around.InIsTerminal || cancellationToken.IsCancellationRequested ? ExitCode.Done : ExitCode.Failed;
    }

    /// <summary>Waits for one of two tasks that belong together; when it fails, the other one is to end too.</summary>
    private static async Task OrCancelAsync(Task task, CancellationTokenSource both)
    {
        try
        {
            await task;
        }
        catch
        {
            await both.CancelAsync();
            throw;
        }
    }

    private StreamerSessionOptions SessionOptions(ParseResult parsed)
    {
        var registers = parsed.GetValue(_register);
        var username = Username(parsed);
        var output = new OutputLines(_around.Out);
        var json = parsed.GetValue(_json);
        return new StreamerSessionOptions
        {
            Servers = Servers(parsed),
            Username = username ?? Protocol.Username.Anonymous,
            Secret = username is null ? null : Secret(parsed, username, registers),
            Registers = registers,
            OnActivity = activity =>
            {
                output.Add(json ? ActivityOutput.ForPrograms(activity) : (_around.OutIsTerminal ? ClearLine : "") + ActivityOutput.ForPeople(activity));
                output.Flush();
            },
            OnStatus = _around.Error.WriteLine,
        };
    }

    private IReadOnlyList<StreamerServer> Servers(ParseResult parsed)
    {
        var isOldForm = base.IsGiven(parsed, _host) || base.IsGiven(parsed, _port);
        if (!isOldForm)
        {
            return parsed.GetRequiredValue(_server);
        }

        if (base.IsGiven(parsed, _server))
        {
            throw CommandException.Usage("--server says what -rh and -rp say: give one of them.");
        }

        var text = new StreamerServer((parsed.GetValue(_host) ?? StreamerServer.Default.Host).Trim('[', ']'), parsed.GetValue(_port)).ToString();
        return StreamerServer.TryParse(text, out var server)
            ? [server]
            : throw CommandException.Usage($"'{Printable.Cut(parsed.GetValue(_host) ?? "")}' is not a value for -rh: a host's name or address.");
    }

    /// <summary>Who logs in; null for anonymous.</summary>
    private string? Username(ParseResult parsed)
    {
        var username = parsed.GetValue(_username);
        var isAnonymous = username is null or Protocol.Username.Anonymous;
        if (username is not null && parsed.GetValue(_anonymous))
        {
            throw CommandException.Usage("--anonymous and --username say who logs in: give one of them.");
        }

        if (isAnonymous && parsed.GetValue(_register))
        {
            throw CommandException.Usage("--register needs --username: whose name is to be registered? Anonymous is everybody's.");
        }

        if (isAnonymous && (parsed.GetValue(_secret) ?? parsed.GetValue(_secretFile)) is not null)
        {
            throw CommandException.Usage($"{(parsed.GetValue(_secret) is null ? "--secret-file" : "--secret")} needs --username: whose secret is it? Anonymous has none.");
        }

        return isAnonymous ? null : username;
    }

    private string Secret(ParseResult parsed, string username, bool registers)
    {
        var file = parsed.GetValue(_secretFile);
        if (parsed.GetValue(_secret) is { } secret)
        {
            return secret.Length == 0 ? throw CommandException.Usage("--secret is empty.")
                : file is null ? secret
                : throw CommandException.Usage("--secret and --secret-file say the same: give one of them.");
        }

        if (file is not null)
        {
            return Secrets.Read(_around.PathOf(file), username, _around);
        }

        if (registers)
        {
            // Shown before it is registered: when the answer is lost, the name may be taken for it all the same.
            var made = RandomNumberGenerator.GetString(SecretLetters, SecretLength);
            _around.Error.WriteLine($"The secret of {Printable.Cut(username)} is {made} and is not shown again.");
            return made;
        }

        return _around is { InIsTerminal: true, ErrorIsTerminal: true }
            ? Secrets.Read(null, username, _around)
            : throw CommandException.Usage("--username needs --secret-file FILE: there is no terminal to ask for the secret.");
    }

    /// <summary>Publishes the lines of the input and then ends the session.</summary>
    /// <returns>Whether every line was published.</returns>
    private async Task<bool> PublishAsync(StreamerSession session, TimeSpan wait, CancellationToken cancellationToken)
    {
        var isComplete = true;
        try
        {
            await foreach (var (number, line) in InputLines.ReadAsync(_around.In, _ => { }, cancellationToken))
            {
                try
                {
                    await session.PublishAsync(ActivityInput.Read(line, Limits.Default), cancellationToken);
                }
                catch (ProtocolException e)
                {
                    await _around.Error.WriteLineAsync($"Line {number} is not published: {Printable.Cut(e.Message, 200)}");
                    isComplete = false;
                }
            }

            // The input ends by the token too; then it is not ours to say goodbye.
            await Task.Delay(wait, cancellationToken);
            await session.EndAsync(cancellationToken);
            return isComplete;
        }
        catch (OperationCanceledException)
        {
            return isComplete;
        }
    }
}
