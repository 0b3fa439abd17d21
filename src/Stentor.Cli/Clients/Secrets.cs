using Spectre.Console;

namespace Stentor.Cli.Clients;

/// <summary>Where secrets come from: a file, or the keyboard. Not the command line, where every user of the machine can read them.</summary>
internal static class Secrets
{
    private const int BytesMax = 4_096;

    /// <summary>Reads a secret.</summary>
    /// <param name="path">The file; its first line is the secret. Null to ask.</param>
    /// <param name="username">Whose secret.</param>
    /// <param name="around">Terminal and streams.</param>
    public static string Read(string? path, string username, Surroundings around)
    {
        if (path is not null)
        {
            return ReadFile(path);
        }

        return around is { InIsTerminal: true, ErrorIsTerminal: true }
            ? Ask($"Secret of {username}:")
            : throw CommandException.Usage($"--user {username} needs --secret-file FILE: there is no terminal to ask for the secret.");
    }

    /// <summary>Reads a secret that is made now: asked for twice, as nobody sees what they type.</summary>
    /// <param name="path">The file; null to ask.</param>
    /// <param name="username">Whose secret.</param>
    /// <param name="around">Terminal and streams.</param>
    public static string ReadNew(string? path, string username, Surroundings around)
    {
        var secret = Read(path, username, around);
        return path is not null || Ask("The same again:") == secret ? secret : throw new CommandException("The two secrets differ; nothing was done.");
    }

    private static string Ask(string question)
    {
        // On standard error, so that output can be piped while the question is seen.
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Prompt(new TextPrompt<string>(question).Secret(null));
    }

    private static string ReadFile(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var bytes = new byte[BytesMax];
            var text = System.Text.Encoding.UTF8.GetString(bytes, 0, file.ReadAtLeast(bytes, BytesMax, throwOnEndOfStream: false));
            var secret = text.Split('\n')[0].TrimEnd('\r');
            return secret.Length > 0 ? secret : throw CommandException.Usage($"{path} holds no secret: its first line is empty.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CommandException.Usage($"The secret cannot be read: {e.Message}");
        }
    }
}
