using System.CommandLine;
using Stentor.Cli.Serving;
using Stentor.Gateways;

namespace Stentor.Cli.Tests.Serving;

public sealed class StreamerServingTests
{
    [Fact]
    public void It_is_not_served_unless_it_is_asked_for() => Assert.Null(Read());

    [Theory]
    [InlineData("--activity-streamer", "127.0.0.1:3780")]
    [InlineData("--activity-streamer 3781", "127.0.0.1:3781")]
    [InlineData("--activity-streamer 0", "127.0.0.1:0")]
    [InlineData("--activity-streamer 0.0.0.0:3781", "0.0.0.0:3781")]
    [InlineData("--activity-streamer [::1]:3781", "[::1]:3781")]
    [InlineData("-lp 3781", "127.0.0.1:3781")]
    [InlineData("-lh 10.0.0.7", "10.0.0.7:3780")]
    [InlineData("-lh ::1 -lp 3781", "[::1]:3781")]
    [InlineData("-lh my-host -lp 3781", "127.0.0.1:3781")] // A name is what others are told, not what one can listen on.
    [InlineData("-rp 3780 -s x", "127.0.0.1:3780")]
    public void It_is_served_where_it_is_asked_for(string words, string listen) => Assert.Equal(listen, Read(words.Split(' '))!.Listen); // It is asked for.

    [Fact]
    public void The_flags_of_the_first_program_say_all_that_it_knew()
    {
        var options = Read("-lh", "host-a", "-lp", "3781", "-rh", "host-b", "-rp", "3782", "-s", "fmmmp3", "-a", "2500")!; // It is asked for.

        Assert.Equal("host-a", options.Hostname);
        Assert.Equal([new StreamerServer("host-b", 3782)], options.Remotes);
        Assert.Equal(("fmmmp3", TimeSpan.FromSeconds(2.5)), (options.Secret, options.AnnounceInterval));
    }

    [Fact]
    public void Every_option_arrives()
    {
        var options = Read(
            "--activity-streamer", "0", "--activity-streamer-remote", "a:1", "--activity-streamer-remote", "tls://[::1]:2", "--activity-streamer-remote", "b", "--activity-streamer-secret-file", "/f",
            "--activity-streamer-channel", "as.main", "--activity-streamer-hostname", "h", "--activity-streamer-tls", "--activity-streamer-announce", "7", "--activity-streamer-lock-wait", "8",
            "--activity-streamer-silence", "9", "--activity-streamer-lock-server")!; // It is asked for.

        Assert.Equal(["a:1", "tls://[::1]:2", "b:3780"], options.Remotes.Select(r => r.ToString()));
        Assert.Equal(("/f", "as.main", "h", true, true), (options.SecretFile, options.Channel, options.Hostname, options.Tls, options.LockServer));
        Assert.Equal((7, 8, 9), ((int)options.AnnounceInterval.TotalSeconds, (int)options.LockWait.TotalSeconds, (int)options.Silence.TotalSeconds));
    }

    [Theory]
    [InlineData("--activity-streamer-lock-server", "--activity-streamer")]
    [InlineData("-s x", "--activity-streamer")]
    [InlineData("--activity-streamer 1 -lp 2", "-lp")]
    [InlineData("--activity-streamer --activity-streamer-remote a:1 -rh b", "-rh")]
    [InlineData("--activity-streamer --activity-streamer-secret a --activity-streamer-secret-file b", "--activity-streamer-secret-file")]
    [InlineData("--activity-streamer --activity-streamer-remote a:b", "a:b")]
    [InlineData("--activity-streamer --activity-streamer-remote a:70000", "a:70000")]
    [InlineData("--activity-streamer --activity-streamer-remote ://", "://")]
    [InlineData("--activity-streamer --activity-streamer-channel a.*", "a.*")]
    [InlineData("--activity-streamer --activity-streamer-channel _grants", "_grants")]
    [InlineData("--activity-streamer --activity-streamer-hostname a/b", "a/b")]
    public void What_makes_no_sense_is_refused_with_the_word(string words, string word)
    {
        var refused = Assert.Throws<CommandException>(() => Read(words.Split(' ')));

        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        Assert.Contains(word, refused.Message, StringComparison.Ordinal);
    }

    private static StreamerOptions? Read(params string[] words)
    {
        var serving = new StreamerServing();
        var command = new Command("serve");
        foreach (var option in serving.Options)
        {
            command.Add(option);
        }

        var parsed = command.Parse(words, StentorProgram.Parsing);
        Assert.Empty(parsed.Errors);
        return serving.Read(parsed, new CommandRun().Around);
    }
}
